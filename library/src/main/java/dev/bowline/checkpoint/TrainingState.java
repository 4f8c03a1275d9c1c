package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Slot;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import org.bytedeco.pytorch.Tensor;

/// The state in addition to the weights that lets a training run resume exactly where it stopped.
///
/// A tensor is named `<parameter>.<what>`, the parameter by its canonical name in the model:
/// `model.norm.weight.exp_avg`. A tied value has one state, under its canonical name.
///
/// @param tensors optimizer moments and master weights, contiguous; the caller's; empty if they are not saved
/// @param state the rest: scheduler, random numbers, data position, settings; its content is the trainer's
/// affair
public record TrainingState(SequencedMap<String, Tensor> tensors, JsonObject state) {

    /// The file of [#state].
    public static final String FILE_NAME = "training_state.json";

    /// The file of [#tensors], if there are any.
    public static final String TENSORS_FILE_NAME = "optimizer.safetensors";

    /// The file of the adapter's values, if the model has an adapter: a tensor per slot, by the slot's name.
    public static final String ADAPTER_FILE_NAME = "adapter_state.safetensors";

    /// The key of [#FILE_NAME] that says whether there are tensors. A checkpoint of an older release has them.
    static final String HAS_OPTIMIZER = "optimizer";

    public TrainingState {
        tensors = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(tensors));
    }

    /// Refuses a state under a name that is not a parameter's own: a tied value must not have two.
    static void requireCanonical(Iterable<String> names, LanguageModel model, String where) {
        Map<String, Slot> slots = model.slots();
        for (String name : names) {
            int dot = name.lastIndexOf('.');
            String parameter = name.substring(0, Math.max(dot, 0));
            Slot slot = slots.get(parameter);
            if (slot == null) {
                throw new BowlineException(
                        "%s: '%s' is a training state of no parameter of %s"
                                .formatted(where, name, model.architecture()),
                        "resume with the model this run trained");
            }
            String canonical = slot.root().path();
            if (!canonical.equals(parameter)) {
                throw new BowlineException(
                        "%s: '%s' would be a second training state of '%s', to which '%s' is tied"
                                .formatted(where, name, canonical, parameter),
                        "resume with the model this run trained: its head was separate");
            }
        }
    }
}
