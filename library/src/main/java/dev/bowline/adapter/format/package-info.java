/// The files of a PEFT adapter: `adapter_config.json`, `adapter_model.safetensors`, the names of their tensors
/// and the layouts of experts. No libtorch and no model code.
@NullMarked
package dev.bowline.adapter.format;

import org.jspecify.annotations.NullMarked;
