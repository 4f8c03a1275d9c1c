package dev.bowline.nn;

import dev.bowline.BowlineException;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/// One value of the model. Slots that reach the same `Parameter` object are tied.
///
/// A parameter exists, with its shape, before it has values, so a tie exists from construction on. A parameter
/// owns its tensor and keeps the same tensor object until it is closed: a cast or a load replaces the data of the
/// tensor, never the object.
public final class Parameter implements AutoCloseable {

    private final SlotRole role;
    private final long[] shape;
    private @Nullable Tensor value;
    private Device device = Device.CPU;
    private boolean frozen;
    private boolean borrowed;
    private boolean closed;
    private boolean forInference;

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

    /// True if this parameter has values, from a load or an initialisation.
    public boolean isMaterialized() {
        return value != null;
    }

    /// The tensor, owned by this parameter: never close it.
    ///
    /// @throws BowlineException if it has no values yet, or was closed
    public Tensor value() {
        requireOpen();
        if (value == null) {
            throw new BowlineException(
                    "a parameter of shape %s has no values yet".formatted(Shapes.text(shape)),
                    "load a checkpoint, or initialise the model, before using it");
        }
        return value;
    }

    public Dtype dtype() {
        return Dtype.of(value().scalar_type());
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
        this.device = device;
    }

    /// Gives this parameter values, on its device. The first call takes ownership of `tensor`; a later call
    /// replaces the data and keeps the tensor object, so every slot tied to this parameter sees the new values.
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
        Tensor tensor = device.place(given);
        if (value == null) {
            tensor.retainReference();
            value = tensor;
            value.set_requires_grad(requiresGrad());
        } else {
            replaceData(value, tensor);
        }
    }

    /// Converts the values in place; every slot tied to this parameter sees the new dtype.
    public void cast(Dtype dtype) {
        Tensor current = value();
        if (dtype() != dtype) {
            try (var converted = Ops.cast(current.detach(), dtype)) {
                borrowed = false;
                replaceData(current, converted);
            }
        }
    }

    private void replaceData(Tensor current, Tensor replacement) {
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
    /// @throws BowlineException if the model was loaded for inference
    public void unfreeze() {
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
            value().mutable_grad().put(zeros);
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
            value().mutable_grad().put(first);
        }
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
        if (value != null) {
            value.close();
            value = null;
        }
    }
}
