# A C file with the bytes of each schema: what the program prints is what the documentation has.
function(weir_embed_schemas directory output)
    file(GLOB schemas CONFIGURE_DEPENDS ${directory}/*.json)
    set(table "")
    foreach(schema ${schemas})
        get_filename_component(name ${schema} NAME_WE)
        file(READ ${schema} bytes HEX)
        string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
        string(APPEND table "    {\"${name}\", (const char[]){${bytes}0}},\n")
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${schema})
    endforeach()
    file(CONFIGURE OUTPUT ${output} CONTENT
"#include \"command/schema.h\"

const struct weir_schema weir_schemas[] = {
@table@    {0, 0},
};
" @ONLY)
endfunction()
