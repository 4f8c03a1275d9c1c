package dev.bowline.nn;

import dev.bowline.BowlineException;
import dev.bowline.tensor.Shapes;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/// A named place in the model tree that holds a [Parameter], or stands for another slot.
///
/// A tie is an alias: it owns nothing, so nothing that happens to the source's parameter (a load, a cast, a
/// shard) can split it. Its path is the tensor's name in a Hugging Face state dict.
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

    /// The purpose of its values. A slot and the slot it is tied to have the same role.
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

    /// The values of the parameter it reaches.
    ///
    /// @throws BowlineException naming this slot, if there are none yet
    public Tensor tensor() {
        Parameter parameter = get();
        if (!parameter.isMaterialized()) {
            throw new BowlineException(
                    "'%s' has no values yet".formatted(path),
                    "load a checkpoint, or initialise the model, before using it");
        }
        return parameter.value();
    }

    /// Whether this slot stands for another slot.
    public boolean isTied() {
        return content instanceof Alias;
    }

    /// The slot that owns the parameter this one reaches: itself unless tied.
    public Slot root() {
        return switch (content) {
            case Own _ -> this;
            case Alias(Slot source) -> source.root();
        };
    }

    /// Makes this slot stand for `source`. A parameter it owned is freed. Tying again is a no-op.
    ///
    /// @throws BowlineException if the shapes or roles differ, or if `source` already stands for this slot
    public void tieTo(Slot source) {
        if (source.root() == this) {
            throw new BowlineException(
                    "'%s' is already tied to '%s'; tying back would leave no owner".formatted(source.path, path),
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
