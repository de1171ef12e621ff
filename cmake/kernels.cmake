# One object per instruction set, each with its own flags; chosen at run time (src/kernels/dispatch.cpp).
function(sobre_isa file)
  if(EXISTS ${CMAKE_SOURCE_DIR}/src/kernels/isa/${file})
    target_sources(sobre_kernels PRIVATE src/kernels/isa/${file})
    set_source_files_properties(src/kernels/isa/${file} PROPERTIES COMPILE_OPTIONS "${ARGN}")
  endif()
endfunction()

sobre_isa(scalar.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  sobre_isa(avx2.cpp -mavx2 -mfma -mf16c)
  sobre_isa(avx_vnni.cpp -mavx2 -mfma -mf16c -mavxvnni)
  # GCC 12 warns about its own headers here (bug 105593).
  sobre_isa(avx512.cpp $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  sobre_isa(neon.cpp -march=armv8.2-a+dotprod+fp16)
endif()
