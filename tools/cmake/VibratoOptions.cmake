# Build options and the compiler settings that every target of the project shares.
option(VIBRATO_BUILD_TESTS "Build the tests" ON)
option(VIBRATO_BUILD_BENCHES "Build the benches (peers are compared where they are installed)" OFF)
option(VIBRATO_FUZZ "Build the libFuzzer targets (Clang only); without it they replay their corpora" OFF)
set(VIBRATO_SANITIZE "" CACHE STRING "Sanitizers for the whole build, e.g. address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O3")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # What ccache asks for to keep what was compiled with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()

add_library(vibrato_options INTERFACE)
target_compile_options(vibrato_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fno-math-errno -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -fpch-preprocess is for ccache. With headers that are precompiled GCC 12 takes the code of std::string for writes
  # past its end (GCC bugs 105329 and 105651); the Clang build and AddressSanitizer look for real ones.
  target_compile_options(vibrato_options INTERFACE
    -fpch-preprocess -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC takes every file of a batch for a header, whose types must not hold what is of one file alone; the preset
  # `debug` compiles them one by one, with the warning.
  target_compile_options(vibrato_options INTERFACE -Wno-subobject-linkage)
endif()
if(VIBRATO_SANITIZE)
  target_compile_options(vibrato_options INTERFACE
    -fsanitize=${VIBRATO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(vibrato_options INTERFACE -fsanitize=${VIBRATO_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Clang 14 cannot assemble coroutines with the checks of indirect calls.
    target_compile_options(vibrato_options INTERFACE -fno-sanitize=function)
  endif()
endif()
if(VIBRATO_FUZZ)
  target_compile_options(vibrato_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
