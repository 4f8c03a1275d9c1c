package dev.bowline.tensor;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/// Frees every native handle created on this thread while it is the innermost open scope.
///
/// A scope frees Java's handles, never the values autograd still needs: libtorch counts references, so a graph keeps
/// its own. Scopes nest per thread and close in reverse order. A tensor used after its scope is refused by JavaCPP with
/// a `NullPointerException`.
///
/// For the thread that opened it.
public final class TensorScope implements AutoCloseable {

    private final @Nullable PointerScope enclosing = PointerScope.getInnerScope();
    private final PointerScope handles = new PointerScope();

    private TensorScope() {}

    public static TensorScope open() {
        return new TensorScope();
    }

    /// Hands `tensor` to the enclosing scope, or to whoever keeps the reference if there is none.
    public Tensor escape(Tensor tensor) {
        tensor.retainReference();
        handles.detach(tensor);
        if (enclosing != null) {
            enclosing.attach(tensor);
            tensor.releaseReference();
        }
        return tensor;
    }

    @Override
    public void close() {
        handles.close();
    }
}
