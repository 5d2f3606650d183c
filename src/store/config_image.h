/*
 * A configuration as bytes, for this machine and this build: what the state of the engine was laid
 * out for has to be at hand when the state is read back. Files configs/<hash>.
 */
#ifndef WEIR_STORE_CONFIG_IMAGE_H
#define WEIR_STORE_CONFIG_IMAGE_H

#include <stddef.h>

#include "weir/config.h"

#define WEIR_CONFIG_IMAGE_DIRECTORY "configs"

/* Bytes of an image. */
size_t weir_config_image_size(const struct weir_config *config);

/* Writes the image; returns its hash, by which it is known. Not config->hash: two files that mean
 * the same may number their streams differently. */
uint64_t weir_config_image_write(const struct weir_config *config, void *image);

/* The configuration, from the heap as weir_config_load gives it; NULL: the image is damaged or of
 * another build, or there is no memory. */
struct weir_config *weir_config_image_read(const void *image, size_t length, uint64_t hash);

/* A number that changes with the layout of configurations and of the state. */
uint64_t weir_config_image_layout(void);

#endif
