package dev.bowline.tensor;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/// Frees every native handle created on this thread while it is the innermost open scope.
///
/// A scope frees handles of Java, never values that autograd still needs: libtorch counts references, and a graph
/// holds its own references. Scopes nest per thread and close in reverse order. JavaCPP throws a
/// `NullPointerException` if a tensor is used after its scope was closed.
///
/// A scope is for the thread that opened it.
public final class TensorScope implements AutoCloseable {

    private final @Nullable PointerScope enclosing = PointerScope.getInnerScope();
    private final PointerScope handles = new PointerScope();

    private TensorScope() {}

    public static TensorScope open() {
        return new TensorScope();
    }

    /// Moves `tensor` to the enclosing scope. Without an enclosing scope, the caller owns the tensor.
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
