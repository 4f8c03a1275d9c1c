package dev.bowline.cli;

import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// The answer to `logits`: the forward and backward passes of training, written down.
final class LogitsFile {

    /// @param loss with gradients only; that of the last adapter
    record Summary(int tensors, long bytes, OptionalDouble loss) {}

    private final LanguageModel model;
    private final TokenBatch batch;
    private final List<TensorSource> tensors = new ArrayList<>();
    private OptionalDouble loss = OptionalDouble.empty();

    LogitsFile(LanguageModel model, TokenBatch batch) {
        this.model = model;
        this.batch = batch;
    }

    /// Adds the logits. The tensors live as long as the caller's scope.
    ///
    /// @param prefix of the names of the tensors
    void add(String prefix) {
        try (var _ = new NoGradGuard()) {
            tensors.add(source(prefix + "logits", model.head().logits(hidden())));
        }
    }

    /// Adds logits, loss and the gradients of all that is trained.
    void addWithGradients(String prefix) {
        Targets targets = batch.targets();
        Tensor hidden = hidden();
        try (var _ = new NoGradGuard()) {
            tensors.add(source(prefix + "logits", model.head().logits(hidden.detach())));
        }
        double sum = new ChunkedCrossEntropy(ChunkedCrossEntropy.DEFAULT_CHUNK_TOKENS)
                .backward(LossInput.of(hidden, model.head(), targets), 1.0 / targets.count());
        loss = OptionalDouble.of(sum);
        tensors.add(source(prefix + "loss", HostTensors.of(new float[] {(float) sum}, 1)));
        for (Map.Entry<String, Parameter> entry : model.trainable().entrySet()) {
            // A parameter that the loss does not reach has a gradient of zeros.
            tensors.add(
                    source(prefix + "grad." + entry.getKey(), entry.getValue().gradientBuffer()));
        }
    }

    Summary write(Path output) {
        SafetensorsWriter.write(output, tensors);
        return new Summary(
                tensors.size(), tensors.stream().mapToLong(TensorSource::bytes).sum(), loss);
    }

    private Tensor hidden() {
        Tensor ids = HostTensors.of(batch.ids(), batch.rows(), batch.length());
        return model.hiddenStates(ids, batch.sequences(), Optional.empty());
    }

    private static TensorSource source(String name, Tensor values) {
        Tensor exact = Device.CPU.place(Ops.cast(values, Dtype.FLOAT32).contiguous());
        List<Long> shape = Arrays.stream(Shapes.of(exact)).boxed().toList();
        return new TensorSource(name, SafetensorsType.F32, shape, HostTensors.bytes(exact));
    }
}
