package dev.bowline.nn;

import dev.bowline.BowlineException;
import dev.bowline.quantization.Quantization;
import dev.bowline.quantization.QuantizedMatrix;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/// One value of the model. Slots that reach the same `Parameter` object are tied.
///
/// A parameter exists, with its shape, before it has values, so a tie exists from construction on. A parameter
/// owns its tensor and keeps the same tensor object until it is closed: a cast or a load replaces the data of the
/// tensor, never the object. A quantised parameter has matrices in place of the tensor. The values of a parameter that
/// is divided over ranks are in this process at times only, see [#divide].
public final class Parameter implements AutoCloseable {

    private final SlotRole role;
    private final long[] shape;
    private @Nullable Tensor value;
    private Device device = Device.CPU;
    private boolean frozen;
    private boolean borrowed;
    private boolean closed;
    private boolean forInference;
    private Optional<QuantizedValues> quantized = Optional.empty();
    private Optional<Runnable> presence = Optional.empty();

    public Parameter(SlotRole role, long... shape) {
        this.role = role;
        this.shape = shape.clone();
    }

    public SlotRole role() {
        return role;
    }

    public long[] shape() {
        return shape.clone();
    }

    public boolean hasShape(long... other) {
        return Arrays.equals(shape, other);
    }

    public long elements() {
        return HostTensors.elements(shape);
    }

    /// True if this parameter has a tensor of values, from a load or an initialisation.
    public boolean isMaterialized() {
        return value != null;
    }

    /// The tensor, owned by this parameter: never close it.
    ///
    /// @throws BowlineException if it has no values yet, or was closed
    public Tensor value() {
        presence.ifPresent(Runnable::run);
        return handle();
    }

    private Tensor handle() {
        requireOpen();
        if (quantized.isPresent()) {
            throw new BowlineException(
                    "%s has no tensor".formatted(describeQuantized()), "load the model without quantization");
        }
        if (value == null) {
            throw noValues();
        }
        return value;
    }

    private String describeQuantized() {
        return "a parameter of shape %s is quantised to %s"
                .formatted(Shapes.text(shape), quantization().orElseThrow());
    }

    private BowlineException noValues() {
        return new BowlineException(
                "a parameter of shape %s has no values yet".formatted(Shapes.text(shape)),
                "load a checkpoint, or initialise the model, before using it");
    }

    public Dtype dtype() {
        return Dtype.of(handle().scalar_type());
    }

    /// The address of the tensor object, which tells two tensors apart. The values need not be in this process.
    ///
    /// @throws BowlineException if it has no values yet, or was closed
    public long tensorAddress() {
        return Ops.address(handle());
    }

    /// Divides this parameter over ranks: the values are in memory that the ranks fill only while they need it. The
    /// tensor object stays, so every slot tied to this parameter sees the same values. Only the caller changes the
    /// values from now on.
    ///
    /// @param memory of the shape and dtype of the values, with any content
    /// @param require runs before each use of the values, and throws if they are not in this process
    public void divide(Tensor memory, Runnable require) {
        requireOpen();
        borrowed = false;
        replaceData(handle(), memory);
        presence = Optional.of(require);
    }

    /// The device of the values, or the device where values will be placed.
    public Device device() {
        return device;
    }

    /// Moves the values to `device` and places later ones there. The tensor object stays, so every slot tied to
    /// this parameter sees the values on the new device.
    public void to(Device device) {
        if (value != null && !this.device.equals(device)) {
            try (var moved = device.place(value.detach())) {
                borrowed = false;
                replaceData(value, moved);
            }
        }
        quantized.ifPresent(values -> values.to(device));
        this.device = device;
    }

    /// Quantises the values, now or when this parameter gets them, and excludes this parameter from training
    /// permanently: [#unfreeze()] throws.
    ///
    /// @param format the same in each call
    public void quantize(Quantization format) {
        if (shape.length < 2
                || quantization().filter(present -> present != format).isPresent()) {
            throw new IllegalArgumentException(
                    "a parameter of shape %s cannot be quantised to %s".formatted(Shapes.text(shape), format));
        }
        if (quantized.isPresent()) {
            return;
        }
        freeze();
        quantized = Optional.of(new QuantizedValues(format));
        if (value != null) {
            Tensor dense = value;
            value = null;
            hold(dense);
            dense.close();
        }
    }

    /// The format of the values, if they are quantised or will be.
    public Optional<Quantization> quantization() {
        return quantized.map(QuantizedValues::format);
    }

    /// Gives a parameter that is quantised its values.
    ///
    /// @param name of the weight, for errors
    /// @param values all of them, in the order of the shape; a place is counted from the first of the parameter
    public void quantizeValues(String name, QuantizedMatrix.Values values) {
        requireOpen();
        quantized.orElseThrow().quantize(name, shape, device, values);
    }

    /// Gives a parameter that is quantised its values, and takes ownership of them.
    ///
    /// @param matrices one, or E for a parameter of shape [E, rows, columns]
    public void materialize(List<QuantizedMatrix> matrices) {
        requireOpen();
        quantized.orElseThrow().replace(matrices, device);
    }

    /// A quantised matrix, owned by this parameter.
    ///
    /// @param index 0, or the matrix of a stack
    /// @throws BowlineException if this parameter has no values yet, or was closed
    QuantizedMatrix matrix(int index) {
        requireOpen();
        return quantized
                .filter(values -> !values.isEmpty())
                .orElseThrow(this::noValues)
                .matrix(index);
    }

    /// The quantised values in a new tensor of the caller's scope, of the shape of this parameter.
    ///
    /// @throws BowlineException if this parameter has no values yet, or was closed
    public Tensor dequantized(Dtype dtype) {
        requireOpen();
        return quantized
                .filter(values -> !values.isEmpty())
                .orElseThrow(this::noValues)
                .dequantized(dtype)
                .view(shape);
    }

    /// The sum of the squares of the quantised values.
    ///
    /// @throws BowlineException if this parameter has no values yet, or was closed
    public double quantizedSquares() {
        requireOpen();
        return quantized
                .filter(values -> !values.isEmpty())
                .orElseThrow(this::noValues)
                .squares();
    }

    /// The bytes of the quantised values; 0 for a parameter with a tensor.
    public long quantizedBytes() {
        return quantized.map(QuantizedValues::bytes).orElse(0L);
    }

    /// Gives this parameter values, on its device. The first call takes ownership of `tensor`; a later call
    /// replaces the data and keeps the tensor object, so every slot tied to this parameter sees the new values.
    /// A parameter that is quantised reads `tensor` and leaves it to the caller.
    public void materialize(Tensor tensor) {
        borrowed = false;
        hold(tensor);
    }

    /// Gives this parameter values in read-only memory, such as a mapped file, which must outlive the parameter.
    /// [#unfreeze()] copies the values first. On a device other than the CPU, the parameter copies the values to
    /// the device.
    ///
    /// @param view see [HostTensors#readOnlyView]
    public void materializeReadOnly(Tensor view) {
        if (requiresGrad()) {
            throw new IllegalArgumentException(
                    "training changes the values, and these are read-only; freeze the parameter, or copy them");
        }
        borrowed = device.isCpu();
        hold(view);
    }

    private void hold(Tensor given) {
        requireOpen();
        if (!Arrays.equals(shape, Shapes.of(given))) {
            throw new IllegalArgumentException("a parameter of shape %s cannot hold values of shape %s"
                    .formatted(Shapes.text(shape), Shapes.text(Shapes.of(given))));
        }
        if (quantized.isPresent()) {
            Tensor flat = Device.CPU.place(given.detach()).reshape(-1);
            quantizeValues(
                    "a parameter of shape " + Shapes.text(shape),
                    (from, count) -> Ops.cast(flat.narrow(0, from, count), Dtype.FLOAT32));
            return;
        }
        Tensor tensor = device.place(given);
        if (value == null) {
            tensor.retainReference();
            value = tensor;
            value.set_requires_grad(requiresGrad());
        } else {
            replaceData(value, tensor);
        }
    }

    /// Converts the values in place; every slot tied to this parameter sees the new dtype. Quantised values stay as
    /// they are.
    public void cast(Dtype dtype) {
        if (quantized.isPresent()) {
            return;
        }
        Tensor current = value();
        if (dtype() != dtype) {
            try (var converted = Ops.cast(current.detach(), dtype)) {
                borrowed = false;
                replaceData(current, converted);
            }
        }
    }

    private void replaceData(Tensor current, Tensor replacement) {
        if (presence.isPresent()) {
            throw new IllegalStateException(
                    "a parameter of shape %s is divided over ranks".formatted(Shapes.text(shape)));
        }
        clearGradient();
        try (var _ = new NoGradGuard()) {
            current.set_requires_grad(false);
            current.set_data(replacement);
            current.set_requires_grad(requiresGrad());
        }
    }

    /// True if the optimizer may update this parameter.
    public boolean requiresGrad() {
        return role != SlotRole.BUFFER && !frozen && !forInference;
    }

    /// Excludes this parameter from training, and with it every slot tied to it.
    public void freeze() {
        frozen = true;
        if (value != null) {
            clearGradient();
            value.set_requires_grad(false);
        }
    }

    /// Excludes this parameter from training permanently: [#unfreeze()] throws.
    public void dedicateToInference() {
        freeze();
        forInference = true;
    }

    /// Undoes [#freeze()].
    ///
    /// @throws BowlineException if the model was loaded for inference, or if this parameter is quantised
    public void unfreeze() {
        if (quantized.isPresent()) {
            throw new BowlineException(
                    "%s, and quantised values cannot be trained".formatted(describeQuantized()),
                    "train an adapter on it, or load the model without quantization");
        }
        if (forInference) {
            throw new BowlineException(
                    "a parameter of shape %s is read-only: its model was loaded for inference"
                            .formatted(Shapes.text(shape)),
                    "load the model with AutoModel.Options.asStored() to train it");
        }
        frozen = false;
        if (value != null) {
            if (borrowed && requiresGrad()) {
                borrowed = false;
                try (var copy = value.clone()) {
                    replaceData(value, copy);
                }
            }
            value.set_requires_grad(requiresGrad());
        }
    }

    /// Copies read-only values into memory that this parameter owns.
    public void copyReadOnly() {
        if (borrowed) {
            borrowed = false;
            try (var copy = value().clone()) {
                replaceData(value(), copy);
            }
        }
    }

    /// The accumulated gradient, as a handle of the caller's scope.
    ///
    /// @throws BowlineException if the parameter was closed: an optimizer that still holds it cannot step
    public Optional<Tensor> gradient() {
        requireOpen();
        if (value == null) {
            return Optional.empty();
        }
        // grad() points into the metadata of the tensor; the copied handle holds its own reference.
        Tensor gradient = new Tensor(value.grad());
        return gradient.defined() ? Optional.of(gradient) : Optional.empty();
    }

    /// The gradient to add to in place: the accumulated one, or new zeros of the value's dtype.
    public synchronized Tensor gradientBuffer() {
        return gradient().orElseGet(() -> {
            Tensor zeros = Ops.zeros(device, dtype(), shape);
            handle().mutable_grad().put(zeros);
            return zeros;
        });
    }

    /// Adds factor a b to the gradient of a matrix.
    ///
    /// @param a [rows, N]
    /// @param b [N, columns]
    public void addToGradient(Tensor a, Tensor b, double factor) {
        Optional<Tensor> gradient = gradient();
        if (gradient.isPresent()) {
            MatMul.add(gradient.get(), a, b, factor);
        } else {
            Tensor first = Ops.empty(device, dtype(), shape);
            MatMul.into(first, a, b, factor);
            handle().mutable_grad().put(first);
        }
    }

    /// Replaces the gradient.
    ///
    /// @param gradient of the shape and dtype of the values; this parameter keeps a reference of its own
    public void replaceGradient(Tensor gradient) {
        handle().mutable_grad().put(gradient);
    }

    public void clearGradient() {
        if (value != null && value.grad().defined()) {
            value.mutable_grad().reset();
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new BowlineException(
                    "a parameter of shape %s was freed: its model was closed, or its part of the model was replaced"
                            .formatted(Shapes.text(shape)),
                    "use the present parameters of the model; build the optimizer again after replaceLanguageModel");
        }
    }

    /// Frees the values. Tensors that the autograd graph still holds live until the graph is freed.
    @Override
    public void close() {
        closed = true;
        quantized.ifPresent(QuantizedValues::close);
        if (value != null) {
            value.close();
            value = null;
        }
    }
}
