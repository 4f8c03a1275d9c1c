/// The safetensors file format: mapped reading and atomic writing, single files and shards with their index.
@NullMarked
package dev.bowline.safetensors;

import org.jspecify.annotations.NullMarked;
