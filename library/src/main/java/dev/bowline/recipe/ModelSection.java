package dev.bowline.recipe;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.quantization.Quantization;
import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.Key.Names;
import dev.bowline.tensor.DeviceChoice;
import dev.bowline.tensor.Dtype;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The checkpoint that training starts from.
///
/// @param pretrainedModel a local Hugging Face directory, absolute
/// @param torchDtype the dtype of the trained weights; empty for the dtype of the checkpoint. Master weights are
///     float32 with every dtype
/// @param device of the computation
/// @param quantization format of the linears' frozen weights; empty for `torchDtype`
/// @param resizeTokenEmbeddings rows of the token embedding and of the head after a resize; empty for those of
///     the checkpoint
/// @param withoutDropout the dropouts of config.json, by key, that training is to leave out
public record ModelSection(
        Path pretrainedModel,
        Optional<Dtype> torchDtype,
        DeviceChoice device,
        Optional<Quantization> quantization,
        Optional<Integer> resizeTokenEmbeddings,
        Set<String> withoutDropout) {

    static final Section SECTION = new Section("model");

    private static final String FLOAT16_FIX = "write bfloat16; the range of float16 is too small to train in";
    static final String POSITIONS = "max_position_embeddings";
    private static final KeyType<Optional<Double>> NO_DROPOUT =
            NumberTypes.only(0, "0.0").optional();

    static final Key<Path> PRETRAINED = SECTION.key(
            "pretrained_model_name_or_path",
            PathTypes.modelDirectory(),
            Default.required(),
            "Checkpoint to start from: a local Hugging Face directory.");

    static final Key<Optional<Dtype>> TORCH_DTYPE = SECTION.key(
            Names.of("torch_dtype").autoModel("model.dtype"),
            TextTypes.oneOf(
                    TextTypes.names(
                            Map.entry("auto", Optional.empty()),
                            Map.entry("float32", Optional.of(Dtype.FLOAT32)),
                            Map.entry("fp32", Optional.of(Dtype.FLOAT32)),
                            Map.entry("torch.float32", Optional.of(Dtype.FLOAT32)),
                            Map.entry("bfloat16", Optional.of(Dtype.BFLOAT16)),
                            Map.entry("bf16", Optional.of(Dtype.BFLOAT16)),
                            Map.entry("torch.bfloat16", Optional.of(Dtype.BFLOAT16))),
                    Map.of(
                            "float16", FLOAT16_FIX,
                            "fp16", FLOAT16_FIX,
                            "torch.float16", FLOAT16_FIX,
                            "half", FLOAT16_FIX)),
            Default.of(Optional.empty(), "the dtype of most stored weights; float32 for float16"),
            "Dtype of the trained weights.");

    static final Key<DeviceChoice> DEVICE = SECTION.key(
            "device",
            TextTypes.device(),
            Default.of(new DeviceChoice.Auto(), "cuda:0 where the natives have CUDA and a GPU is visible, else cpu"),
            "Device that the model computes on.");

    static final Key<Optional<Quantization>> QUANTIZATION = SECTION.key(
            "quantization",
            TextTypes.oneOf(Quantization.values()).optional(),
            Default.of(Optional.empty(), "the frozen weights keep torch_dtype"),
            "Format of the linears' frozen weights under an adapter, as in bitsandbytes; nf4 quantises its scales"
                    + " too.");

    static final Key<Optional<Integer>> RESIZE_TOKEN_EMBEDDINGS = SECTION.key(
            "resize_token_embeddings",
            NumberTypes.integerFrom(1).optional(),
            Default.of(Optional.empty(), "the rows of the checkpoint"),
            "Rows of the token embedding, the head and a per-layer embedding; each new row is the mean of the old rows."
                    + " With peft, the adapter has to hold every new row.");

    static final Key<Optional<Double>> ATTENTION_DROPOUT = SECTION.key(
            "attention_dropout",
            NO_DROPOUT,
            Default.of(Optional.empty(), "a config.json that has one is refused"),
            "0 trains without the attention_dropout of config.json; Bowline applies no dropout.");

    static final Key<Optional<Double>> RESID_PDROP = SECTION.key(
            "resid_pdrop",
            NO_DROPOUT,
            Default.of(Optional.empty(), "a config.json that has one is refused"),
            "Like model.attention_dropout, for resid_pdrop.");

    public ModelSection {
        withoutDropout = Set.copyOf(withoutDropout);
        PathTypes.requireAbsolute("pretrainedModel", pretrainedModel);
        TORCH_DTYPE.require(torchDtype);
        RESIZE_TOKEN_EMBEDDINGS.require(resizeTokenEmbeddings);
    }

    static ModelSection of(RecipeValues values) {
        return new ModelSection(
                values.use(PRETRAINED),
                values.use(TORCH_DTYPE),
                values.use(DEVICE),
                values.use(QUANTIZATION),
                values.use(RESIZE_TOKEN_EMBEDDINGS),
                Stream.of(ATTENTION_DROPOUT, RESID_PDROP)
                        .filter(key -> values.use(key).isPresent())
                        .map(Key::name)
                        .collect(Collectors.toSet()));
    }

    /// `max_position_embeddings` of the checkpoint's config.json.
    static Optional<Integer> positions(Path model) {
        return number(model, POSITIONS);
    }

    /// The experts that compute a token, of a mixture of experts.
    static Optional<Integer> expertsPerToken(Path model) {
        return number(model, "num_experts_per_tok").or(() -> number(model, "top_k_experts"));
    }

    /// An integer of the text model in config.json. A config.json that cannot be read counts as one without the
    /// value, because opening the model refuses it with the reason.
    private static Optional<Integer> number(Path model, String key) {
        try {
            JsonObject config = Json.parse(model.resolve("config.json")).asObject();
            JsonObject text = config.optionalObject("text_config").orElse(config);
            return text.has(key) ? Optional.of(text.requireInt(key)) : Optional.empty();
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }
}
