package dev.bowline.adapter.export;

import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.safetensors.TensorSource;
import java.util.List;

/// An export in PEFT's names and layout.
///
/// @param problems the differences that the program meets when it applies the export, a sentence each
record ReadBack(LoraConfig config, List<TensorSource> tensors, List<String> problems) {

    ReadBack {
        tensors = List.copyOf(tensors);
        problems = List.copyOf(problems);
    }
}
