# The catalogue of models is part of the program, which therefore works from any place: src/cli includes "catalogue_text.h" for
# sobre::kCatalogueText, the bytes of models/catalogue.toml.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS models/catalogue.toml)
file(READ models/catalogue.toml SOBRE_CATALOGUE)
configure_file(cmake/catalogue_text.h.in ${CMAKE_BINARY_DIR}/generated/catalogue_text.h @ONLY)
get_target_property(kind sobre_cli TYPE)
if(NOT kind STREQUAL "INTERFACE_LIBRARY")
  target_include_directories(sobre_cli PUBLIC ${CMAKE_BINARY_DIR}/generated)
endif()
