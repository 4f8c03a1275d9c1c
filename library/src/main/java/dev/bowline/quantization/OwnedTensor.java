package dev.bowline.quantization;

import dev.bowline.tensor.Device;
import org.bytedeco.pytorch.Tensor;

/// A tensor that outlives the scope it was made in, until [#close].
final class OwnedTensor implements AutoCloseable {

    private Tensor tensor;

    OwnedTensor(Tensor tensor) {
        this.tensor = retained(tensor);
    }

    private static Tensor retained(Tensor tensor) {
        tensor.retainReference();
        return tensor;
    }

    Tensor get() {
        return tensor;
    }

    long bytes() {
        return tensor.numel() * tensor.element_size();
    }

    void to(Device device) {
        Tensor placed = device.place(tensor);
        if (placed != tensor) {
            Tensor old = tensor;
            tensor = retained(placed);
            old.close();
        }
    }

    @Override
    public void close() {
        tensor.close();
    }
}
