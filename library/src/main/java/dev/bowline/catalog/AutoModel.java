package dev.bowline.catalog;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.checkpoint.LoadPurpose;
import dev.bowline.checkpoint.LoadReport;
import dev.bowline.json.Json;
import dev.bowline.json.JsonLocation;
import dev.bowline.json.JsonObject;
import dev.bowline.model.Architecture;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.QuantizedLinears;
import dev.bowline.platform.NativeProcess;
import dev.bowline.quantization.Quantization;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.LibTorch;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/// Gets a model of any family in the [Families] list.
public final class AutoModel {

    /// Options of a load.
    ///
    /// @param dtype the dtype that the model computes in; empty for the one its weights are stored in
    /// @param beforeLoading given the model before it has values: what is frozen here looks into the mapped
    /// file
    /// @param purpose training, or inference only
    /// @param device where the model computes
    /// @param quantization the format of the weights of the linear layers; empty for unquantised weights, or for
    /// the format in which the checkpoint has them
    public record Options(
            Optional<Dtype> dtype,
            Consumer<LanguageModel> beforeLoading,
            LoadPurpose purpose,
            Device device,
            Optional<Quantization> quantization) {

        /// The checkpoint's own dtype, everything trainable, on the CPU.
        public static Options asStored() {
            return new Options(Optional.empty(), _ -> {}, LoadPurpose.TRAINING, Device.CPU, Optional.empty());
        }

        /// The checkpoint's own dtype, nothing trainable, on the CPU. Weights are read from the mapped files when
        /// used first, instead of being copied: the files must not be changed or cut while the model is open. A
        /// model on another device copies its weights there.
        public static Options forInference() {
            return new Options(Optional.empty(), _ -> {}, LoadPurpose.INFERENCE, Device.CPU, Optional.empty());
        }

        public Options in(Dtype chosen) {
            return new Options(Optional.of(chosen), beforeLoading, purpose, device, quantization);
        }

        public Options on(Device chosen) {
            return new Options(dtype, beforeLoading, purpose, chosen, quantization);
        }

        public Options freezing(Consumer<LanguageModel> freeze) {
            return new Options(dtype, freeze, purpose, device, quantization);
        }

        /// Stores the weights of the linear layers quantised, from the start: no copy of all of them in the
        /// checkpoint's dtype is ever in memory. The head, embeddings, norms and routers stay as stored. The
        /// quantised weights are frozen; an adapter trains on them.
        public Options quantizing(Quantization format) {
            return new Options(dtype, beforeLoading, purpose, device, Optional.of(format));
        }
    }

    private AutoModel() {}

    /// Loads a Hugging Face directory in the dtype its weights are stored in, for training.
    public static Pretrained fromPretrained(Path directory) {
        return fromPretrained(directory, Options.asStored());
    }

    public static Pretrained fromPretrained(Path directory, Options options) {
        NativeProcess.tune();
        Checkpoint checkpoint = Checkpoint.open(directory);
        try {
            LanguageModel model = fromConfig(checkpoint.config());
            try {
                LibTorch.load();
                model.to(options.device());
                options.quantization().ifPresent(format -> QuantizedLinears.quantize(model, format));
                options.beforeLoading().accept(model);
                LoadReport report = options.dtype().isPresent()
                        ? CheckpointLoader.load(
                                checkpoint, model, options.dtype().get(), options.purpose())
                        : CheckpointLoader.load(checkpoint, model, options.purpose());
                return new Pretrained(model, checkpoint, report);
            } catch (RuntimeException e) {
                model.close();
                throw e;
            }
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    /// Builds a model without values: load a checkpoint into it, or initialise it.
    ///
    /// @param config a whole config.json
    public static LanguageModel fromConfig(JsonObject config) {
        NativeProcess.tune();
        return build(config);
    }

    /// The same, before libtorch is loaded and without settings for it.
    static LanguageModel build(JsonObject config) {
        Architecture architecture = Families.of(config);
        try {
            return architecture.build(config);
        } catch (BowlineException e) {
            throw inFile(config.location(), e);
        }
    }

    /// Adds the name of the file to a problem that does not have it.
    private static BowlineException inFile(JsonLocation place, BowlineException e) {
        return place.line() == 0 ? e : LocatedException.within(place.source(), place.source(), e);
    }

    /// @param config a config.json file
    public static LanguageModel fromConfig(Path config) {
        return fromConfig(Json.parse(config).asObject());
    }
}
