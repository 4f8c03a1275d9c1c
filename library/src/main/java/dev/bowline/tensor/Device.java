package dev.bowline.tensor;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.TensorOptions;

/// The device that holds the memory of a tensor and runs the operators on it (PyTorch: `torch.device`).
///
/// Operators refuse operands on different devices, except for a scalar tensor on the CPU.
///
/// @param type the name that PyTorch gives to the kind of device, such as `cpu` or `cuda`
/// @param index the number of the device among those of its kind, from 0; 0 for the CPU
public record Device(String type, int index) {

    public static final Device CPU = new Device("cpu", 0);

    private static final String CUDA = "cuda";

    public Device {
        if (type.isEmpty() || index < 0) {
            throw new IllegalArgumentException("no device '%s' with index %d".formatted(type, index));
        }
    }

    /// @param index of the GPU, from 0
    public static Device cuda(int index) {
        return new Device(CUDA, index);
    }

    /// The device of a tensor.
    public static Device of(TensorBase tensor) {
        if (tensor.is_cpu()) {
            return CPU;
        }
        try (org.bytedeco.pytorch.Device device = tensor.device()) {
            String[] parts = device.str().getString().split(":", 2);
            return new Device(parts[0], parts.length == 1 ? 0 : Integer.parseInt(parts[1]));
        }
    }

    public boolean isCpu() {
        return type.equals(CPU.type);
    }

    public boolean isCuda() {
        return type.equals(CUDA);
    }

    /// The tensor itself if it is on this device, else a copy. The result belongs to the caller's scope.
    public Tensor place(Tensor tensor) {
        if (of(tensor).equals(this)) {
            return tensor;
        }
        try (var target = handle()) {
            return tensor.to(target, tensor.scalar_type());
        }
    }

    /// Options for a tensor on this device.
    TensorOptions options(Dtype dtype) {
        TensorOptions onCpu = new TensorOptions(dtype.scalarType());
        return isCpu() ? onCpu : onCpu.device(new org.bytedeco.pytorch.DeviceOptional(handle()));
    }

    private org.bytedeco.pytorch.Device handle() {
        return new org.bytedeco.pytorch.Device(toString());
    }

    /// The spelling of PyTorch: `cpu`, or type and index such as `cuda:0`.
    @Override
    public String toString() {
        return isCpu() ? type : type + ":" + index;
    }
}
