package dev.bowline.cli;

import dev.bowline.catalog.AutoModel;
import dev.bowline.quantization.Quantization;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The format that the weights of a model are quantised to when they are loaded.
final class QuantizationOption {

    @Option(
            names = "--quantization",
            paramLabel = "FORMAT",
            description = "Quantise the linear layers in memory when they are loaded: int8 or nf4. The files do not"
                    + " change. Default: the weights as stored.")
    private @Nullable Quantization format;

    Optional<Quantization> format() {
        return Optional.ofNullable(format);
    }

    AutoModel.Options over(AutoModel.Options options) {
        return format().map(options::quantizing).orElse(options);
    }
}
