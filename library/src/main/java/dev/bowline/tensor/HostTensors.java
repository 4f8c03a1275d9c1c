package dev.bowline.tensor;

import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Storage;
import org.bytedeco.pytorch.StorageImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/// Conversions between tensors on the CPU and memory segments of any size; a `ByteBuffer` ends at 2 GiB. No other
/// class reads or writes the memory of a tensor.
public final class HostTensors {

    private HostTensors() {}

    /// A view of `bytes` as a tensor that libtorch only reads: an operation that would write to it throws. (A
    /// write to a read-only map would otherwise end the process.) Nothing is copied. The segment must outlive the
    /// view.
    public static Tensor readOnlyView(MemorySegment bytes, Dtype dtype, long... shape) {
        Tensor view = view(bytes, dtype, shape);
        try (Storage storage = view.storage();
                StorageImpl implementation = storage.unsafeGetStorageImpl()) {
            implementation.set_throw_on_mutable_data_ptr();
        }
        return view;
    }

    /// A view of `bytes` as a tensor. Nothing is copied. The segment must outlive the view. A write to the view
    /// of a read-only mapping ends the process; see [#readOnlyView].
    public static Tensor view(MemorySegment bytes, Dtype dtype, long... shape) {
        requireSize(bytes.byteSize(), dtype, shape);
        return torch.from_blob(new Address(bytes), shape, new TensorOptions(dtype.scalarType()));
    }

    /// A tensor in memory of libtorch, with a copy of `bytes`.
    public static Tensor copyOf(MemorySegment bytes, Dtype dtype, long... shape) {
        requireSize(bytes.byteSize(), dtype, shape);
        Tensor tensor = Ops.empty(Device.CPU, dtype, shape);
        if (bytes.byteSize() > 0) {
            bytes(tensor).copyFrom(bytes);
        }
        return tensor;
    }

    public static Tensor of(long[] values, long... shape) {
        return copyOf(MemorySegment.ofArray(values), Dtype.INT64, shape);
    }

    public static Tensor of(int[] values, long... shape) {
        return copyOf(MemorySegment.ofArray(values), Dtype.INT32, shape);
    }

    public static Tensor of(float[] values, long... shape) {
        return copyOf(MemorySegment.ofArray(values), Dtype.FLOAT32, shape);
    }

    /// The bytes of a contiguous tensor on the CPU, valid as long as the tensor is. [Device#place] with [Device#CPU]
    /// copies a tensor from another device.
    ///
    /// @throws IllegalArgumentException if the tensor is on another device, or not contiguous
    public static MemorySegment bytes(Tensor tensor) {
        if (!tensor.is_cpu()) {
            throw new IllegalArgumentException(
                    "a tensor of shape %s is on %s, which has no host memory; copy it to the CPU"
                            .formatted(Shapes.text(Shapes.of(tensor)), Device.of(tensor)));
        }
        if (!tensor.is_contiguous()) {
            throw new IllegalArgumentException("the tensor is not contiguous; copy it with contiguous() first");
        }
        long size = tensor.numel() * tensor.element_size();
        if (size == 0) {
            return MemorySegment.NULL;
        }
        try (Pointer data = tensor.const_data_ptr()) {
            return MemorySegment.ofAddress(data.address()).reinterpret(size);
        }
    }

    /// The number of elements of a shape. Throws if a `long` cannot hold it.
    public static long elements(long... shape) {
        long elements = 1;
        for (long size : shape) {
            elements = Math.multiplyExact(elements, size);
        }
        return elements;
    }

    private static void requireSize(long byteSize, Dtype dtype, long[] shape) {
        long expected = Math.multiplyExact(elements(shape), dtype.bytes());
        if (expected != byteSize) {
            throw new IllegalArgumentException(
                    "shape %s of %s takes %d bytes, got %d".formatted(Shapes.text(shape), dtype, expected, byteSize));
        }
    }

    private static final class Address extends Pointer {
        Address(MemorySegment bytes) {
            address = bytes.address();
        }
    }
}
