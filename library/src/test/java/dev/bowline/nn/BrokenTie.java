package dev.bowline.nn;

import java.lang.reflect.Field;
import org.bytedeco.pytorch.Tensor;

/// Breaks a tie, which the library itself cannot do: tests check that every save and load notices.
public final class BrokenTie {

    private BrokenTie() {}

    /// Gives a slot a parameter of its own.
    public static Parameter untie(Slot slot, Tensor values) {
        Slot other = new Slot(slot.path(), slot.role(), slot.shape());
        other.get().materialize(values);
        try {
            Field content = Slot.class.getDeclaredField("content");
            content.setAccessible(true);
            content.set(slot, content.get(other));
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
        return other.get();
    }
}
