# vibrato_layer(<folder> [DEPENDS <lower folders>...] [LIBRARIES <third-party targets>...])
#
# Declares the static library of one folder of src/. It sees only its own headers and those of the folders it
# depends on: a forbidden include fails to link, and tests/style checks the include lines as well.
# PRECOMPILE names headers of others, in angle brackets, that most of its files include: parsed once a build. Files
# include what they use all the same: the preset `clang` compiles without, and each file alone. The presets `release`,
# `asan` and `tsan` compile the files of a target in batches (CMAKE_UNITY_BUILD), which parses headers once a batch:
# names in anonymous namespaces are unlike in all files of a target.
function(vibrato_layer folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES;PRIVATE_LIBRARIES;PRECOMPILE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(vibrato_${folder} STATIC ${sources})
  target_include_directories(vibrato_${folder} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  list(TRANSFORM ARG_DEPENDS REPLACE "(.+)" "$<TARGET_NAME_IF_EXISTS:vibrato_\\1>")
  target_link_libraries(vibrato_${folder} PUBLIC ${ARG_DEPENDS} ${ARG_LIBRARIES} Threads::Threads
    PRIVATE vibrato_options ${ARG_PRIVATE_LIBRARIES})
  if(ARG_PRECOMPILE)
    target_precompile_headers(vibrato_${folder} PRIVATE ${ARG_PRECOMPILE})
  endif()
endfunction()

# vibrato_embed_text(<target> SOURCE <file> NAME <constant> HEADER <header>): puts the text of a file into the binary, as
# the string_view that the header declares in the namespace vibrato::<layer>.
function(vibrato_embed_text target)
  cmake_parse_arguments(ARG "" "SOURCE;NAME;HEADER" "" ${ARGN})
  string(REPLACE "vibrato_" "" layer ${target})
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}.cpp)
  file(READ ${ARG_SOURCE} text)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARG_SOURCE})
  file(WRITE ${generated}.new
    "#include \"${ARG_HEADER}\"\n\nnamespace vibrato::${layer} {\n\n"
    "const std::string_view ${ARG_NAME} = R\"text(${text})text\";\n\n}  // namespace vibrato::${layer}\n")
  configure_file(${generated}.new ${generated} COPYONLY)
  # The standard asks compilers for 64 KiB of a literal; ours take any.
  set_source_files_properties(${generated} PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
  target_sources(${target} PRIVATE ${generated})
endfunction()

# vibrato_unit_tests(<folder>): one executable from tests/unit/<folder>/*_test.cpp.
function(vibrato_unit_tests folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/*_test.cpp)
  if(NOT sources OR NOT TARGET vibrato_${folder})
    return()
  endif()
  vibrato_test_executable(unit_${folder} SOURCES ${sources} LINK vibrato_${folder} ${ARGN})
endfunction()

# vibrato_test_executable(<name> SOURCES ... LINK ...): a GoogleTest program whose tests ctest counts one by one.
function(vibrato_test_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE vibrato_options ${ARG_LINK} test_source_dir GTest::gtest GTest::gmock GTest::gtest_main)
  target_precompile_headers(${name} PRIVATE <algorithm> <functional> <map> <memory> <optional> <string> <thread>
    <unordered_map> <vector> <gmock/gmock.h> <gtest/gtest.h>)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 600 LABELS ${name})
endfunction()
