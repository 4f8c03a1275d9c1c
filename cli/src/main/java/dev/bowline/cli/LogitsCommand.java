package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.adapter.Adapters;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.json.JsonObject;
import dev.bowline.report.Quantity;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.tensor.CudaSupport;
import dev.bowline.tensor.DeviceChoice;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(
        name = "logits",
        description = {
            "Computes the logits of given token ids; --grads adds the loss and the gradients.",
            "Reads input_ids [B,S] (int64) and an optional attention_mask [B,S] (1 for a token, 0 for padding)."
                    + " Writes logits [B,S,V] and, with --grads, loss [1] and grad.NAME for every trainable tensor,"
                    + " under its Hugging Face name; all in float32. The loss is the mean cross-entropy of each next"
                    + " token that is not padding. Use the output to compare Bowline with transformers. With"
                    + " --adapter, the gradients are those of the adapter; with several, the names of the tensors"
                    + " begin with the adapter's name and a dot."
        },
        footer = {
            "  bowline logits models/gemma --input ids.safetensors --output out.safetensors",
            "  bowline logits models/gemma --input ids.safetensors \\",
            "      --output out.safetensors --grads --dtype float32",
            "  bowline logits models/gemma --adapter runs/lora/step_100 \\",
            "      --input ids.safetensors --output out.safetensors",
            "  bowline logits models/gemma --quantization nf4 \\",
            "      --input ids.safetensors --output out.safetensors"
        })
final class LogitsCommand extends Command {

    @Parameters(paramLabel = "DIR", description = "A Hugging Face checkpoint directory.")
    private Path directory = Path.of("");

    @Option(
            names = "--input",
            paramLabel = "FILE",
            required = true,
            description = "A safetensors file with input_ids and optionally attention_mask.")
    private Path input = Path.of("");

    @Option(names = "--output", paramLabel = "FILE", required = true, description = "The safetensors file to write.")
    private Path output = Path.of("");

    @Mixin
    private AdapterOptions adapters = new AdapterOptions();

    @Option(names = "--grads", description = "Also write the loss and the gradient of every trainable tensor.")
    private boolean grads;

    @Option(
            names = "--dtype",
            paramLabel = "DTYPE",
            converter = DtypeOption.class,
            description = "Dtype of the computation: float32 or bfloat16. Default: the dtype of the checkpoint.")
    private @Nullable Dtype dtype;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            converter = DeviceOption.class,
            description = DeviceOption.DESCRIPTION + " Default: auto.")
    private DeviceChoice device = new DeviceChoice.Auto();

    @Mixin
    private QuantizationOption quantization = new QuantizationOption();

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        requireOutputApart();
        TokenBatch batch = TokenBatch.read(input);
        Optional<Dtype> chosen = Optional.ofNullable(dtype);
        AdapterOptions.Chosen chosenModel = adapters.of(directory, console());
        boolean trainsBase = grads && chosenModel.adapters().isEmpty();
        AutoModel.Options stored = trainsBase ? AutoModel.Options.asStored() : AutoModel.Options.forInference();
        AutoModel.Options options = quantization.over(
                chosen.map(stored::in).orElse(stored).on(device.resolve(CudaSupport.ofThisProcess())));
        try (Pretrained pretrained = AutoModel.fromPretrained(chosenModel.base(), options);
                TensorScope _ = TensorScope.open()) {
            chosenModel.attach(pretrained);
            // An adapter with new tokens adds their rows.
            batch.requireFits(pretrained.model());
            LogitsFile file = new LogitsFile(pretrained.model(), batch);
            List<NamedAdapter> used = chosenModel.adapters();
            if (used.isEmpty()) {
                add(file, "");
            }
            for (NamedAdapter adapter : used) {
                Adapters.of(pretrained.model()).train(adapter.name());
                add(file, used.size() > 1 ? adapter.name() + "." : "");
            }
            print(file.write(output));
        }
        return ExitCode.SUCCESS;
    }

    /// @param prefix of the names of the tensors
    private void add(LogitsFile file, String prefix) {
        if (grads) {
            file.addWithGradients(prefix);
        } else {
            file.add(prefix);
        }
    }

    /// Refuses to write over what is read.
    private void requireOutputApart() {
        if (isSame(output, input)) {
            throw new BowlineException(
                    "--output %s is the file that --input names".formatted(output), "name another file to write");
        }
        boolean weights = Files.isDirectory(directory)
                && WeightFiles.readHeaders(directory).stream().anyMatch(header -> isSame(output, header.path()));
        if (weights) {
            throw new BowlineException(
                    "--output %s is a file of the checkpoint's weights".formatted(output),
                    "name another file to write, best outside of %s".formatted(directory));
        }
    }

    private static boolean isSame(Path a, Path b) {
        try {
            return Files.exists(a) && Files.exists(b) && Files.isSameFile(a, b);
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(a, e.getMessage()), "check its permissions", e);
        }
    }

    private void print(LogitsFile.Summary summary) {
        if (json) {
            JsonObject object = JsonObject.of()
                    .with("output", output.toString())
                    .with("tensors", summary.tensors())
                    .with("bytes", summary.bytes());
            console()
                    .print(
                            summary.loss().isPresent()
                                    ? object.with("loss", summary.loss().getAsDouble())
                                    : object);
        } else {
            String loss =
                    summary.loss().isPresent() ? ", loss " + summary.loss().getAsDouble() : "";
            console()
                    .print("wrote %s: %s, %s%s\n"
                            .formatted(
                                    output,
                                    Quantity.count(summary.tensors(), "tensor"),
                                    Quantity.bytes(summary.bytes()),
                                    loss));
        }
    }
}
