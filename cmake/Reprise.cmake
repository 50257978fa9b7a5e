# How Reprise's own targets are built: one set of flags for all, given per target.

set(CMAKE_C_FLAGS_DEV "-O1 -g" CACHE STRING "Flags of the Dev build type" FORCE)
# -gz: what debuggers read is packed, which halves a binary.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g -gz" CACHE STRING "Flags of the Release build type" FORCE)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

# The build names itself in every result (Rp-Build): the commit, and + where the tree differs from it.
execute_process(COMMAND git describe --always --dirty=+ --abbrev=12
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE RP_BUILD
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT RP_BUILD)
    set(RP_BUILD "unknown")
endif()

# What every target of ours has: C17, strict warnings, exact arithmetic.
add_library(rp_flags INTERFACE)
target_compile_features(rp_flags INTERFACE c_std_17)
target_include_directories(rp_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_compile_definitions(rp_flags INTERFACE _GNU_SOURCE)
# -ffp-contract=off: the canon rounds where it says so and nowhere else.
target_compile_options(rp_flags INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wundef
    -Wformat=2 -Werror -ffp-contract=off -fno-omit-frame-pointer)
# gcc cannot know that rp_error_set never returns RP_OK, and so suspects whatever ret_x filled, at -O3,
# depending on what it inlined. What is certain stays an error (-Wuninitialized), and clang checks the rest.
target_compile_options(rp_flags INTERFACE $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
if(RP_SANITIZE)
    target_compile_options(rp_flags INTERFACE -fsanitize=${RP_SANITIZE} -fno-sanitize-recover=all)
    string(REPLACE "fuzzer-no-link," "" RP_SANITIZE_LINK "${RP_SANITIZE}")
    target_link_options(rp_flags INTERFACE -fsanitize=${RP_SANITIZE_LINK})
endif()

# rp_library(NAME SOURCES... ): a static library with our flags.
function(rp_library name)
    add_library(${name} STATIC ${ARGN})
    target_link_libraries(${name} PUBLIC rp_flags)
    set_target_properties(${name} PROPERTIES C_EXTENSIONS OFF)
endfunction()

# rp_program(NAME SOURCES...): a binary in build/<preset>/bin.
function(rp_program name)
    add_executable(${name} ${ARGN})
    target_link_libraries(${name} PRIVATE rp_flags)
    set_target_properties(${name} PROPERTIES C_EXTENSIONS OFF)
endfunction()

# rp_unit_test(NAME SOURCE LIBRARIES...): a Criterion binary in build/<preset>/tests, one ctest
# entry labelled `unit`.
function(rp_unit_test name source)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE rp_flags ${ARGN} rp::criterion)
    set_target_properties(${name} PROPERTIES C_EXTENSIONS OFF
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()

# rp_fuzz_target(NAME SOURCE LIBRARIES...): a libFuzzer binary, named fuzz_*; its corpus is
# tests/fuzz/corpus/NAME without the fuzz_.
function(rp_fuzz_target name source)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE rp_flags ${ARGN})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES C_EXTENSIONS OFF)
endfunction()
