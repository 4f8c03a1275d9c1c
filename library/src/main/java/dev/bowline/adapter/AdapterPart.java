package dev.bowline.adapter;

import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.RandomSource;
import java.lang.foreign.Arena;
import java.util.List;

/// The values of one adapted module, and the way into the model and out of it.
///
/// A part is made without a change to the model. [#use] and [#stop] replace operators only, so neither copies
/// a value of the base.
interface AdapterPart {

    AdaptedModule module();

    /// The slots of the adapter's values, with the names of PEFT's tensors without the prefix
    /// `base_model.model.`.
    List<Slot> slots();

    /// Gives the slots the values of a new adapter, which changes no result of the model.
    void initialize(LoraAInit init, RandomSource random);

    /// Gives the slots the values of the adapter's files.
    void load(AdapterReader reader);

    /// The values as PEFT's files have them.
    ///
    /// @param arena owner of values in another order than the slots'
    List<TensorSource> store(Arena arena);

    /// Makes the model compute with the adapter.
    void use();

    /// Makes the model compute with the adapter and its dropout for one pass. Nothing changes for a module
    /// without a dropout.
    ///
    /// @param seed of the pass
    default void useDropout(long seed) {}

    /// Frees the values.
    default void close() {
        slots().stream().filter(slot -> !slot.isTied()).map(Slot::get).forEach(Parameter::close);
    }

    /// Makes the model compute without the adapter again.
    void stop();
}
