# The schemas as C: every line once, for most stand in several of them, and without what it is
# indented by. What the program prints is what the documentation has, to the byte.
function(weir_embed_schemas directory output)
    file(GLOB schemas CONFIGURE_DEPENDS ${directory}/*.json)
    set(table "")
    set(order "")
    set(text "")
    set(text_length 0)
    set(order_length 0)
    foreach(schema ${schemas})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${schema})
        get_filename_component(name ${schema} NAME_WE)
        string(APPEND table "    {\"${name}\", ${order_length}},\n")
        file(READ ${schema} bytes HEX)
        string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
        string(REGEX REPLACE "0x0a,$" "" bytes "${bytes}")
        string(REPLACE "0x0a," ";" lines "${bytes}")
        foreach(line IN LISTS lines)
            string(REGEX REPLACE "^(0x20,)+" "" line "${line}")
            if(NOT DEFINED "at_${line}")
                set("at_${line}" ${text_length})
                string(APPEND text "    ${line}0,\n")
                string(LENGTH "${line}" length)
                math(EXPR text_length "${text_length} + ${length} / 5 + 1")
            endif()
            string(APPEND order "${at_${line}},")
            math(EXPR order_length "${order_length} + 1")
        endforeach()
        string(APPEND order "WEIR_SCHEMA_END,\n    ")
        math(EXPR order_length "${order_length} + 1")
    endforeach()
    file(CONFIGURE OUTPUT ${output} CONTENT
"#include \"command/schema.h\"

const struct weir_schema weir_schemas[] = {
@table@    {\"\", 0},
};

const uint16_t weir_schema_lines[] = {
    @order@};

const char weir_schema_text[] = {
@text@};
" @ONLY)
endfunction()
