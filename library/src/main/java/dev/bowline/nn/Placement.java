package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/// The dtype and the device of the tensors that one forward pass creates, taken from the embedding of the model.
public record Placement(Dtype dtype, Device device) {

    /// The same device with another dtype.
    public Placement in(Dtype other) {
        return new Placement(other, device);
    }

    /// The tensor itself if it has this dtype and device, else a copy. The result belongs to the caller's scope.
    Tensor of(Tensor tensor) {
        return device.place(Ops.cast(tensor, dtype));
    }
}
