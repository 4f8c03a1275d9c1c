package dev.bowline.nn;

import dev.bowline.BowlineException;
import dev.bowline.tensor.Shapes;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/// A named place in the model tree that holds a [Parameter] or is tied to another slot.
///
/// A tied slot is an alias without values of its own, so no change to the parameter of the source (a load, a
/// cast, a shard) can untie it. The path of a slot is the name of the tensor in a Hugging Face state dict.
public final class Slot {

    private sealed interface Content {}

    private record Own(Parameter parameter) implements Content {}

    private record Alias(Slot source) implements Content {}

    private final String path;
    private final SlotRole role;
    private final long[] shape;
    private Content content;

    public Slot(String path, SlotRole role, long... shape) {
        this.path = path;
        this.role = role;
        this.shape = shape.clone();
        this.content = new Own(new Parameter(role, shape));
    }

    public String path() {
        return path;
    }

    /// The purpose of the slot's values. A slot and the slot it is tied to have the same role.
    public SlotRole role() {
        return role;
    }

    public long[] shape() {
        return shape.clone();
    }

    public Parameter get() {
        return switch (content) {
            case Own(Parameter parameter) -> parameter;
            case Alias(Slot source) -> source.get();
        };
    }

    /// The values of the parameter that this slot reaches.
    ///
    /// @throws BowlineException naming this slot, if it has no values yet
    public Tensor tensor() {
        Parameter parameter = get();
        if (parameter.quantization().isPresent()) {
            throw new BowlineException(
                    "'%s' is quantised to %s and has no tensor"
                            .formatted(path, parameter.quantization().get()),
                    "load the model without quantization");
        }
        if (!parameter.isMaterialized()) {
            throw new BowlineException(
                    "'%s' has no values yet".formatted(path),
                    "load a checkpoint, or initialise the model, before using it");
        }
        return parameter.value();
    }

    /// True if this slot is tied to another slot.
    public boolean isTied() {
        return content instanceof Alias;
    }

    /// The slot that owns the parameter that this slot reaches: this slot itself unless it is tied.
    public Slot root() {
        return switch (content) {
            case Own _ -> this;
            case Alias(Slot source) -> source.root();
        };
    }

    /// Ties this slot to `source`. A parameter that this slot owned is freed. Tying it to the same source again
    /// does nothing.
    ///
    /// @throws BowlineException if the shapes or roles differ, or if `source` is already tied to this slot
    public void tieTo(Slot source) {
        if (source.root() == this) {
            throw new BowlineException(
                    "'%s' is already tied to '%s'; a tie in the other direction would leave no owner of the values"
                            .formatted(source.path, path),
                    "tie only one of the two to the other");
        }
        if (!Arrays.equals(shape, source.shape)) {
            throw new BowlineException(
                    "cannot tie '%s' %s to '%s' %s: the shapes differ"
                            .formatted(path, Shapes.text(shape), source.path, Shapes.text(source.shape)),
                    "keep them separate: set tie_word_embeddings to false");
        }
        if (role != source.role) {
            throw new BowlineException(
                    "cannot tie '%s' (%s) to '%s' (%s): the roles differ"
                            .formatted(path, role, source.path, source.role),
                    "tie slots of the same role");
        }
        if (content instanceof Own(Parameter parameter) && parameter != source.get()) {
            parameter.close();
        }
        content = new Alias(source);
    }

    @Override
    public String toString() {
        return isTied() ? path + " -> " + root().path : path;
    }
}
