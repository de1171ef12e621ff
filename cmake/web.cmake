# The web page as part of the program: Vite builds web/ into <build>/web/dist, and its files become string literals in a generated
# source of sobre_serve. Without Node.js or web/node_modules (`npm ci` in web/ puts it there) the table of files is empty and the
# server shows a plain notice instead. Nothing is fetched here.
option(SOBRE_WEB "Build the web page into the program where Node.js and web/node_modules are there" ON)

# Why the page cannot be built; empty when it can.
function(sobre_web_obstacle result)
  set(${result} "" PARENT_SCOPE)
  # A glob, so that the build looks again: packages that arrive after configuring are noticed.
  file(GLOB installed CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/node_modules/.package-lock.json)
  find_program(SOBRE_NODE NAMES node nodejs)
  mark_as_advanced(SOBRE_NODE)
  if(NOT SOBRE_WEB)
    set(${result} "SOBRE_WEB is off" PARENT_SCOPE)
  elseif(NOT SOBRE_NODE)
    set(${result} "Node.js was not found" PARENT_SCOPE)
  elseif(NOT installed)
    set(${result} "web/node_modules is not there (`npm ci` in web/ installs it)" PARENT_SCOPE)
  else()
    execute_process(COMMAND ${SOBRE_NODE} --version OUTPUT_VARIABLE version ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(REGEX REPLACE "^v" "" version "${version}")
    if(NOT version MATCHES "^[0-9]+\\." OR version VERSION_LESS 18)
      set(${result} "${SOBRE_NODE} is version '${version}'; at least 18 is needed" PARENT_SCOPE)
    endif()
  endif()
endfunction()

# Adds the table of files to `target`, the library of the layer serve.
function(sobre_web_assets target)
  set(folder ${CMAKE_BINARY_DIR}/web)
  set(table ${folder}/web_assets.cpp)
  set(embed ${CMAKE_SOURCE_DIR}/cmake/web_embed.mjs)
  sobre_web_obstacle(obstacle)
  if(obstacle)
    message(STATUS "Web page: left out; ${obstacle}")
    set(empty ${folder}/web_assets_empty.cpp)
    file(CONFIGURE OUTPUT ${empty} @ONLY CONTENT [[
#include "serve/web_assets.h"

namespace sobre {

std::span<const WebAsset> web_assets() { return {}; }

}  // namespace sobre
]])
    target_sources(${target} PRIVATE ${empty})
    return()
  endif()
  message(STATUS "Web page: built with ${SOBRE_NODE}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/src/*)
  set(web ${CMAKE_SOURCE_DIR}/web)
  add_custom_command(
    OUTPUT ${table}
    COMMAND ${SOBRE_NODE} node_modules/vite/bin/vite.js build --outDir ${folder}/dist --emptyOutDir --logLevel warn
    COMMAND ${SOBRE_NODE} ${embed} ${folder}/dist ${table}
    DEPENDS ${sources} ${embed} ${web}/index.html ${web}/package.json ${web}/svelte.config.js ${web}/tsconfig.json
            ${web}/vite.config.js ${web}/node_modules/.package-lock.json
    WORKING_DIRECTORY ${web}
    COMMENT "Building the web page"
    VERBATIM)
  target_sources(${target} PRIVATE ${table})
endfunction()
