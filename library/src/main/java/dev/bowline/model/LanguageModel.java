package dev.bowline.model;

import dev.bowline.json.JsonObject;
import dev.bowline.nn.Head;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.statedict.WeightRule;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// A decoder-only language model: ids in, hidden states and logits out.
///
/// Shapes: B rows, S positions, H hidden size, V vocabulary. The model owns its parameters; [#close] frees them.
///
/// Threads may compute at once with a model that nobody trains or loads into. Training is for one thread.
public interface LanguageModel extends TiedHead, AutoCloseable {

    /// The config.json the model was built from, unchanged.
    JsonObject config();

    /// The settings of config.json that neither the model nor transformers uses, a sentence each.
    List<String> notes();

    /// The dropouts that transformers applies in training. Bowline applies none.
    List<Dropout> dropouts();

    int vocabularySize();

    /// The longest sequence the model was made for.
    int maxPositions();

    /// Every slot by its Hugging Face name, in the model's order, tied ones included.
    Map<String, Slot> slots();

    /// Every distinct value by its canonical name.
    Map<String, Parameter> parameters();

    /// Every distinct value the optimizer may update.
    Map<String, Parameter> trainable();

    /// Which part of the model a tensor belongs to.
    Component component(String tensorName);

    /// How checkpoints' tensor names differ from the slots' names.
    List<WeightRule> weightRules();

    /// The hidden states after the final norm.
    ///
    /// @param ids [B, S] int64
    /// @param cache the earlier positions, advanced by S; empty to attend within this call only
    /// @return [B, S, H], owned by the caller's scope
    Tensor hiddenStates(Tensor ids, Sequences sequences, Optional<KeyValueCache> cache);

    Head head();

    /// @return [B, S, V], owned by the caller's scope
    default Tensor logits(Tensor ids, Sequences sequences) {
        return head().logits(hiddenStates(ids, sequences, Optional.empty()));
    }

    /// An empty cache with an entry per attention layer that computes its own keys and values.
    KeyValueCache newCache();

    /// Whether keys and values of `past` positions may be continued to `length` positions; where not, all are
    /// computed anew, because the model turns every position otherwise from there on.
    default boolean keepsCache(int past, int length) {
        return true;
    }

    /// Fills every parameter as the reference does for a model that is not loaded, in `dtype`, the same for the same
    /// seed. A model that already has values keeps its tensors: the values are drawn in float32 and cast in place.
    /// Ends with the tie checked.
    void initializeWeights(Dtype dtype, long seed);

    /// Casts every parameter in place; ties are kept.
    void cast(Dtype dtype);

    /// The device of every parameter; the CPU at first.
    Device device();

    /// Moves every parameter to `device`, and those that are loaded later too; ties are kept.
    ///
    /// @throws dev.bowline.BowlineException if this process cannot use the device
    void to(Device device);

    /// The kernels that the layers run: those that were chosen, or those for the device.
    KernelPolicy kernels();

    /// Chooses the kernels, such as plain operators of libtorch on the CPU.
    ///
    /// @throws dev.bowline.BowlineException if they do not run on the device
    void useKernels(KernelPolicy kernels);

    /// Ties `resource` to the model's life: it is closed with the model.
    void own(AutoCloseable resource);

    @Override
    void close();
}
