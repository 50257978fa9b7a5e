"""A nats-server with JetStream, and Reprise's actors on it, each a real process.

    stack = Stack(folder, {"tiny": path})
    stack.start()                          # server, provision, one tokenizer, one executor, all ready
    stack.executors[0].kill()
    stack.executors[0].start()             # again, under the same name
    stack.start_executor()                 # another one beside it
    stack.stop()                           # SIGTERM to all; fails if one does not end well
"""

import http.client
import socket
import subprocess

from .paths import NATS_CONFIG, NATS_SERVER, program
from .process import Process, free_port, wait_until

READY_SECONDS = 20
PROVISION_SECONDS = 30


class NatsServer(Process):
    """One server on a free port of its own. Started again, it has the same port and the same streams."""

    def __init__(self, folder):
        self.port = free_port()
        command = [NATS_SERVER, "-c", NATS_CONFIG, "-sd", folder / "jetstream", "-a", "127.0.0.1", "-p", self.port]
        super().__init__("nats-server", command, folder)

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        super().start()
        wait_until(self.greets, READY_SECONDS, "nats-server")
        return self

    def greets(self):
        """Whether it sends its INFO line, which it does once it serves clients."""
        assert self.running, f"nats-server ended:\n{self.tail()}"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False


class Actor(Process):
    """One of our binaries, with an admin endpoint that tells when it is ready."""

    def __init__(self, binary, instance, server, models, folder, options=(), environment=None):
        self.admin_port = free_port()
        command = [program(binary), "--server", server.url, "--admin-port", self.admin_port, "--instance", instance]
        for name, path in models.items():
            command += ["--model", f"{name}={path}"]
        super().__init__(instance, command + list(options), folder, environment)

    def start(self):
        super().start()
        return self.wait_ready()

    def start_only(self):
        """Without waiting until it is ready, which it may never be."""
        return super().start()

    def wait_ready(self, seconds=READY_SECONDS):
        try:
            wait_until(self.is_ready, seconds, self.name)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.tail()}") from None
        return self

    def is_ready(self):
        assert self.running, f"{self.name} ended with {self.child.returncode}:\n{self.tail()}"
        return self.admin("/readyz")[0] == 200

    def emits(self):
        """Whether it is the one of its fold's replicas that stores outcomes."""
        return any(line.startswith("reprise_fold_holder{") and line.endswith(" 1")
                   for line in self.admin("/metrics")[1].splitlines())

    def admin(self, path):
        """(status, body) of its admin endpoint; (0, "") while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=2)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()


class Stack:
    """`models` maps names to GGUF files; `environment` is what the actors have beside the tests' own. Everything
    writes its log under `folder`."""

    def __init__(self, folder, models, options=(), environment=None):
        self.folder = folder
        self.models = models
        self.options = options
        self.environment = environment
        self.server = NatsServer(folder)
        self.tokenizers, self.executors, self.examples, self.counters = [], [], [], []

    @property
    def url(self):
        return self.server.url

    @property
    def processes(self):
        return [*self.tokenizers, *self.executors, *self.examples, *self.counters, self.server]

    def start(self):
        """One of everything that answers requests."""
        self.start_server()
        self.start_tokenizer()
        self.start_executor()
        return self

    def start_server(self):
        self.server.start()
        self.provision()
        return self

    def reprise(self, *words, seconds=PROVISION_SECONDS):
        """Runs `reprise WORDS --server ...`; returns its standard output, fails with its whole output."""
        command = [program("reprise"), *words, "--server", self.url]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds,
                              stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"reprise {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def provision(self):
        models = [word for name, path in self.models.items() for word in ("--model", f"{name}={path}")]
        return self.reprise("provision", *models, "--yes")

    def start_tokenizer(self, server=None):
        return self.start_actor("reprise-tokenizer", "tokenizer", self.tokenizers, server)

    def start_executor(self, server=None):
        return self.start_actor("reprise-executor", "executor", self.executors, server)

    def start_example(self, server=None):
        return self.start_actor("reprise-example", "example", self.examples, server)

    def start_counter(self, *options, server=None):
        counter = self.add_counter(*options, server=server)
        return counter.start()

    def add_counter(self, *options, server=None):
        """A replica of the example fold that does not run yet."""
        counter = Actor("reprise-counter", f"counter-{len(self.counters)}", server or self.server, {}, self.folder, options)
        self.counters.append(counter)
        return counter

    def start_actor(self, binary, kind, into, server):
        """`server` is whatever has a url; the stack's own, unless a test puts something in between."""
        actor = Actor(binary, f"{kind}-{len(into)}", server or self.server, self.models, self.folder, self.options,
                      self.environment)
        into.append(actor)
        return actor.start()

    def stop(self):
        """Ends all that still runs, actors first. A process that was stopped by a signal is woken first."""
        statuses = {}
        for process in self.processes:
            if process.running:
                process.resume()
                statuses[process.name] = process.stop()
        wrong = {name: status for name, status in statuses.items() if status not in (0, None)}
        assert not wrong, f"ended badly on SIGTERM: {wrong}"

    def kill(self):
        for process in self.processes:
            process.kill()

    def logs(self):
        return "\n".join(f"-- {process.name}\n{process.tail()}" for process in self.processes)
