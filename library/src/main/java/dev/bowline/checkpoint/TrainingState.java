package dev.bowline.checkpoint;

import dev.bowline.json.JsonObject;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/// What a training run needs beside the weights to go on exactly where it stopped.
///
/// A tensor is named `<parameter>.<what>`, the parameter by its canonical name in the model:
/// `model.norm.weight.exp_avg`. A tied value has one state, under its canonical name.
///
/// @param tensors optimizer moments and master weights; the caller's
/// @param state the rest: scheduler, random numbers, data position, settings; its content is the trainer's
/// affair
public record TrainingState(Map<String, Tensor> tensors, JsonObject state) {

    /// The file of [#state].
    public static final String FILE_NAME = "training_state.json";

    /// The file of [#tensors].
    public static final String TENSORS_FILE_NAME = "optimizer.safetensors";
}
