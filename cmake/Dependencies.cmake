# The libraries that Reprise stands on, each as one imported target, so that nothing else in the build
# names a path, a -l flag or a version:
#
#   rp::uv rp::protobuf_c rp::hwloc rp::lmdb rp::openssl rp::utf8proc rp::xxhash rp::zstd rp::sodium
#   rp::microhttpd     Debian 12's own packages (cmake/packages)
#   rp::yyjson rp::nats   from .deps/, filled by cmake/fetch, or the system's where new enough
#   rp::criterion      only with RP_TESTS
#
# and one function, rp_protobuf_c, which compiles schemas. Their headers count as system headers: our
# warnings are for our code.

include(CheckFunctionExists)
find_package(Threads REQUIRED)

set(RP_DEPS ${PROJECT_SOURCE_DIR}/.deps)

# rp_dependency(NAME HEADER LIBRARY CURE [UNDER FOLDER]): defines rp::NAME, or ends the configuration
# naming what is missing and the CURE, a package or cmake/fetch. With UNDER, FOLDER is looked through first.
function(rp_dependency name header library cure)
    cmake_parse_arguments(PARSE_ARGV 4 arg "" "UNDER" "")
    set(hints)
    if(arg_UNDER)
        set(hints HINTS ${arg_UNDER})
    endif()
    find_path(RP_${name}_INCLUDE ${header} ${hints} PATH_SUFFIXES include)
    find_library(RP_${name}_LIBRARY NAMES ${library} ${hints} PATH_SUFFIXES lib)
    mark_as_advanced(RP_${name}_INCLUDE RP_${name}_LIBRARY)
    if(NOT RP_${name}_INCLUDE OR NOT RP_${name}_LIBRARY)
        if(cure STREQUAL "cmake/fetch")
            message(FATAL_ERROR "${name} is missing (<${header}>, lib${library}): run cmake/fetch, or deploy/up")
        endif()
        message(FATAL_ERROR "${name} is missing (<${header}>, lib${library}): "
            "apt-get install ${cure}, or run deploy/up, or tests/run, which install all that is needed")
    endif()
    add_library(rp::${name} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(rp::${name} PROPERTIES
        IMPORTED_LOCATION ${RP_${name}_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${RP_${name}_INCLUDE})
endfunction()

# rp_version_at_least(NAME HEADER MACROS... WANTED): ends the configuration where the version that HEADER's
# numeric macros tell is older than WANTED.
function(rp_version_at_least name header major minor wanted)
    file(STRINGS ${RP_${name}_INCLUDE}/${header} lines REGEX "^#define +(${major}|${minor}) +[0-9]+")
    string(REGEX REPLACE ".*${major} +([0-9]+).*" "\\1" found_major "${lines}")
    string(REGEX REPLACE ".*${minor} +([0-9]+).*" "\\1" found_minor "${lines}")
    if("${found_major}.${found_minor}" VERSION_LESS wanted)
        message(FATAL_ERROR "${name} ${found_major}.${found_minor} in ${RP_${name}_INCLUDE} is too old, "
            "${wanted} is needed: run cmake/fetch and configure again with --fresh")
    endif()
endfunction()

rp_dependency(uv uv.h uv libuv1-dev)
rp_dependency(protobuf_c protobuf-c/protobuf-c.h protobuf-c libprotobuf-c-dev)
rp_dependency(hwloc hwloc.h hwloc libhwloc-dev)
rp_dependency(lmdb lmdb.h lmdb liblmdb-dev)
rp_dependency(ssl openssl/ssl.h ssl libssl-dev)
rp_dependency(crypto openssl/evp.h crypto libssl-dev)
rp_dependency(utf8proc utf8proc.h utf8proc libutf8proc-dev)
rp_dependency(xxhash xxhash.h xxhash libxxhash-dev)
rp_dependency(zstd zstd.h zstd libzstd-dev)
rp_dependency(sodium sodium.h sodium libsodium-dev)
rp_dependency(microhttpd microhttpd.h microhttpd libmicrohttpd-dev)
rp_dependency(yyjson yyjson.h yyjson cmake/fetch UNDER ${RP_DEPS}/yyjson)
rp_version_at_least(yyjson yyjson.h YYJSON_VERSION_MAJOR YYJSON_VERSION_MINOR 0.10)
if(RP_TESTS)
    rp_dependency(criterion_library criterion/criterion.h criterion libcriterion-dev)
    add_library(rp::criterion INTERFACE IMPORTED GLOBAL)
    if("${RP_SANITIZE}" STREQUAL "thread")
        # Before the library, so that its main is the one that is taken.
        add_library(rp_criterion_fork STATIC ${PROJECT_SOURCE_DIR}/tests/setup/criterion_fork.c)
        target_link_libraries(rp_criterion_fork PRIVATE rp_flags rp::criterion_library m)
        set_source_files_properties(${PROJECT_SOURCE_DIR}/tests/setup/criterion_fork.c PROPERTIES
            COMPILE_OPTIONS -Wno-format-nonliteral) # the formats are the tests'
        target_link_libraries(rp::criterion INTERFACE rp_criterion_fork)
    endif()
    target_link_libraries(rp::criterion INTERFACE rp::criterion_library)
endif()

# TLS and hashing come as one.
add_library(rp::openssl INTERFACE IMPORTED GLOBAL)
target_link_libraries(rp::openssl INTERFACE rp::ssl rp::crypto)

# nats.c, as a static library: what it stands on follows it in link order. Built against a newer glibc, it
# asks for three functions that an older one does not have; the shim forwards them, where they are missing.
rp_dependency(nats nats/nats.h nats_static cmake/fetch UNDER ${RP_DEPS}/nats.c)
rp_version_at_least(nats nats/version.h NATS_VERSION_MAJOR NATS_VERSION_MINOR 3.14)
set(nats_needs rp::openssl rp::sodium rp::protobuf_c Threads::Threads)
check_function_exists(__isoc23_strtol RP_GLIBC_HAS_ISOC23)
if(NOT RP_GLIBC_HAS_ISOC23)
    add_library(rp_glibc_shim STATIC ${CMAKE_CURRENT_LIST_DIR}/glibc_shim.c)
    set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/glibc_shim.c PROPERTIES
        COMPILE_OPTIONS -Wno-format-nonliteral) # the format is the caller's
    target_link_libraries(rp_glibc_shim PRIVATE rp_flags)
    list(PREPEND nats_needs rp_glibc_shim)
endif()
target_link_libraries(rp::nats INTERFACE ${nats_needs})

find_program(RP_PROTOC_C protoc-c)
mark_as_advanced(RP_PROTOC_C)
if(NOT RP_PROTOC_C)
    message(FATAL_ERROR "protoc-c is missing: apt-get install protobuf-c-compiler, or run deploy/up")
endif()

# rp_protobuf_c(TARGET FILES...): TARGET becomes a static library of the messages in FILES (.proto, proto2
# syntax, paths from the calling folder, by which they import each other too). The generated x.pb-c.h lies
# at the same path under the build tree, so it is included as "schemas/reprise/v1/x.pb-c.h".
function(rp_protobuf_c target)
    set(sources)
    foreach(file IN LISTS ARGN)
        string(REGEX REPLACE "\\.proto$" ".pb-c" stem ${file})
        set(outputs ${CMAKE_CURRENT_BINARY_DIR}/${stem}.c ${CMAKE_CURRENT_BINARY_DIR}/${stem}.h)
        add_custom_command(
            OUTPUT ${outputs}
            COMMAND ${RP_PROTOC_C} --c_out=${CMAKE_CURRENT_BINARY_DIR} -I${CMAKE_CURRENT_SOURCE_DIR}
                ${CMAKE_CURRENT_SOURCE_DIR}/${file}
            DEPENDS ${ARGN}
            COMMENT "protoc-c ${file}"
            VERBATIM)
        list(APPEND sources ${outputs})
    endforeach()
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} SYSTEM PUBLIC ${CMAKE_CURRENT_BINARY_DIR} ${PROJECT_BINARY_DIR})
    target_link_libraries(${target} PRIVATE rp_flags PUBLIC rp::protobuf_c)
    target_compile_options(${target} PRIVATE -w) # generated: our warnings are not for it
endfunction()
