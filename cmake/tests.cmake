# One test program per layer (src/<layer>/*_test.cpp), each case of it a test of ctest named <layer>/<suite>.<case>; fuzzers from
# fuzz/*_fuzz.cpp.
include(GoogleTest)

if(CMAKE_CROSSCOMPILING)
  # Debian has GoogleTest as source for such cases. Its warnings are its own.
  get_directory_property(own_options COMPILE_OPTIONS)
  set_directory_properties(PROPERTIES COMPILE_OPTIONS "-w")
  add_subdirectory(/usr/src/googletest googletest EXCLUDE_FROM_ALL SYSTEM)
  set_directory_properties(PROPERTIES COMPILE_OPTIONS "${own_options}")
else()
  find_package(GTest REQUIRED)
endif()

# The layers whose tests run members of a team on every processor are run alone; the others share the processors.
set(SOBRE_LAYERS_OF_THREADS base model engine serve learn cli)

function(sobre_layer_tests layer)
  file(GLOB sources CONFIGURE_DEPENDS src/${layer}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${layer}_test ${sources})
  target_link_libraries(${layer}_test PRIVATE sobre_${layer} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${layer}_test PRIVATE SOBRE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_compile_options(${layer}_test PRIVATE -O1)  # a third less time to compile than -O3; what is tested is optimised as ever
  set(processors 1)
  if(layer IN_LIST SOBRE_LAYERS_OF_THREADS)
    set(processors 2)
  endif()
  gtest_discover_tests(${layer}_test TEST_PREFIX "${layer}/" DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} PROPERTIES TIMEOUT 900 PROCESSORS ${processors} LABELS ${layer})
endfunction()

foreach(layer base tensor kernels text format model engine)
  sobre_layer_tests(${layer})
endforeach()
if(SOBRE_CLI)
  sobre_layer_tests(digest)
  sobre_layer_tests(hub)
  sobre_layer_tests(meter)
  sobre_layer_tests(serve)
  sobre_layer_tests(learn)
  sobre_layer_tests(task)
  sobre_layer_tests(cli)
  # Tests of the program's cases start the program itself.
  if(TARGET cli_test)
    add_dependencies(cli_test sobre)
    target_compile_definitions(cli_test PRIVATE SOBRE_PROGRAM="$<TARGET_FILE:sobre>")
  endif()
endif()

# Programs of others against the server: OpenAI's clients, a browser. Where they cannot be had the test is skipped with the reason.
if(SOBRE_CLI AND NOT SOBRE_SANITIZE)
  foreach(client python node)
    add_test(NAME clients/openai-${client} COMMAND ${CMAKE_SOURCE_DIR}/tests/clients/run $<TARGET_FILE:sobre> ${client})
  endforeach()
  add_test(NAME web/page COMMAND ${CMAKE_SOURCE_DIR}/tests/web/page $<TARGET_FILE:sobre>)
  set_tests_properties(clients/openai-python clients/openai-node web/page PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 PROCESSORS 2
    LABELS clients)
endif()

# The cache on disk that Hugging Face's Python package shares, by a small program over sobre_hub.
if(SOBRE_CLI AND NOT SOBRE_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  add_executable(hub_cache_driver tests/hub/cache_driver.cpp)
  target_link_libraries(hub_cache_driver PRIVATE sobre_hub)
  add_test(NAME clients/hub-cache COMMAND ${CMAKE_SOURCE_DIR}/tests/clients/hub_cache $<TARGET_FILE:hub_cache_driver>)
  set_tests_properties(clients/hub-cache PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 LABELS clients)
endif()

# Fuzzers are built always: with libFuzzer under clang, else as plain programs that replay their seeds.
if(SOBRE_FUZZERS)
  file(GLOB fuzzers CONFIGURE_DEPENDS fuzz/*_fuzz.cpp)
  foreach(source ${fuzzers})
    get_filename_component(name ${source} NAME_WE)
    if(NOT TARGET sobre_hub AND name MATCHES "^(hub|manifest)_")
      continue()  # of a layer that is not built
    endif()
    add_executable(${name} ${source})
    if(SOBRE_FUZZ_ENGINE)
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
      target_sources(${name} PRIVATE fuzz/replay_main.cpp)
      file(GLOB seeds CONFIGURE_DEPENDS fuzz/seeds/${name}/*)
      if(seeds)
        add_test(NAME fuzz/${name}.seeds COMMAND ${name} ${seeds} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
      endif()
    endif()
    if(TARGET sobre_hub AND name MATCHES "^(hub|manifest)_")
      target_link_libraries(${name} PRIVATE sobre_hub)
    elseif(TARGET sobre_serve)
      target_link_libraries(${name} PRIVATE sobre_serve sobre_learn)
    else()
      target_link_libraries(${name} PRIVATE sobre_engine)
    endif()
  endforeach()
endif()
