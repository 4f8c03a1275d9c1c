package dev.bowline.model;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import dev.bowline.model.decoder.Decoder;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.nn.Head;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Layer;
import dev.bowline.nn.LayerPasses;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.ResizedRows;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.statedict.WeightRule;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// A decoder-only language model of any family: token ids in, hidden states and logits out.
///
/// The head's tie is declared by role: a tied head is the input embedding of the active decoder. The tie is
/// resolved again after the decoder is replaced.
///
/// Shapes: B rows, S positions, H hidden size, V vocabulary. The model owns its parameters; [#close] frees them.
///
/// Threads may compute at once with a model that nobody trains or loads into. Training is for one thread.
public final class LanguageModel extends Layer implements TiedHead, AutoCloseable {

    private final Architecture architecture;
    private final TieFlag tieFlag;
    private final List<AutoCloseable> owned = new ArrayList<>();
    private JsonObject config;
    private ConfigFindings findings = new ConfigFindings();
    private Decoder decoder;
    private Linear lmHead;
    private ActivationCheckpointing checkpointing = ActivationCheckpointing.OFF;
    private boolean isReleased;

    /// Builds the model without values: load a checkpoint into it, or initialise it.
    ///
    /// @param config the original config.json
    LanguageModel(Architecture architecture, JsonObject config) {
        super("");
        this.architecture = architecture;
        this.config = config;
        tieFlag = TieFlag.controlling(config, architecture.tieDefault());
        architecture.tieSupport().require(architecture.name(), tieFlag);
        DecoderConfig declared = architecture.read(config, findings);
        decoder = child(new Decoder(architecture.decoderPath(), declared));
        lmHead = child(head(declared));
        tieWeights();
    }

    private static Linear head(DecoderConfig declared) {
        return Head.linear(
                "lm_head",
                declared.size().hidden(),
                declared.size().vocabulary(),
                declared.style().head());
    }

    /// Gives the token embedding, the head and a per-layer embedding another number of rows, and sets the new
    /// number in [#config], as transformers' `resize_token_embeddings` does.
    ///
    /// Each new row is the mean of the old rows of its table, the same at every call; transformers adds noise of
    /// a variance of 1e-9 times that of the rows. A smaller number removes the last rows. A tied head stays the
    /// input embedding, and a separate head is resized like it. An optimizer that was built before refuses its
    /// next step.
    ///
    /// @param rows the new number of rows
    /// @throws BowlineException if the model has an adapter or a quantised weight, or if config.json does not
    ///     allow the number, for example because `pad_token_id` has no row; the model is unchanged
    public void resizeTokenEmbeddings(long rows) {
        VocabularyResize.require(this, rows);
        if (rows == vocabularySize()) {
            return;
        }
        JsonObject resized = VocabularyResize.config(config, rows);
        ConfigFindings read = new ConfigFindings();
        DecoderConfig declared = architecture.read(resized, read);
        Linear oldHead = lmHead;
        Linear newHead = head(declared);
        if (!tieFlag.tied()) {
            ResizedRows.fill(newHead.weight(), oldHead.weight());
            oldHead.weight().get().close();
        }
        lmHead = replaceChild(oldHead, newHead);
        decoder().resizeVocabulary(declared);
        config = resized;
        findings = read;
        tieWeights();
        TiedWeights.ensureTiedLmHead(this);
    }

    /// Replaces the language model (the decoder) by that of `replacement`, and ties the head again.
    ///
    /// This model takes over the decoder, its config.json and its resources. `replacement` is unusable
    /// afterwards, and closing it has no effect. The memory of the old decoder is freed. A tied head has the
    /// values of the new embedding from now on; a separate head keeps its own values. An optimizer that was
    /// built before refuses its next step, because its parameters are closed.
    ///
    /// @param replacement a model of the same class with the same kind of head, loaded or initialised before
    /// @throws BowlineException if the two models do not fit; both stay unchanged
    public void replaceLanguageModel(LanguageModel replacement) {
        requireReplaceable(replacement);
        Decoder old = decoder();
        decoder = replaceChild(old, replacement.release());
        config = replacement.config;
        findings = replacement.findings;
        owned.addAll(0, replacement.owned);
        replacement.owned.clear();
        tieWeights();
        old.parameters().values().forEach(Parameter::close);
    }

    private void requireReplaceable(LanguageModel replacement) {
        if (replacement == this) {
            throw new IllegalArgumentException("a model cannot replace its own decoder");
        }
        requireNoAdapter(this);
        requireNoAdapter(replacement);
        if (replacement.architecture != architecture) {
            throw new BowlineException(
                    "the replacement is a %s, the model is a %s".formatted(replacement.architecture(), architecture()),
                    "build the replacement from a config.json with architectures [\"%s\"]".formatted(architecture()));
        }
        if (replacement.tieFlag.tied() != tieFlag.tied()) {
            throw new BowlineException(
                    "the replacement has %s, the model has %s".formatted(headOf(replacement.tieFlag), headOf(tieFlag)),
                    "set tie_word_embeddings to %s at the top level of the replacement's config.json"
                            .formatted(tieFlag.tied()));
        }
        Slot ours = inputEmbedding();
        Slot theirs = replacement.inputEmbedding();
        if (!Arrays.equals(ours.shape(), theirs.shape())) {
            throw new BowlineException(
                    "'%s' of the replacement has shape %s, of the model shape %s"
                            .formatted(ours.path(), Shapes.text(theirs.shape()), Shapes.text(ours.shape())),
                    "build the replacement with vocab_size %d and hidden_size %d"
                            .formatted(ours.shape()[0], ours.shape()[1]));
        }
        requireDtypeOfHead(theirs.get());
    }

    /// An adapter, in use or not, holds layers of the decoder that it was attached to.
    private static void requireNoAdapter(LanguageModel model) {
        boolean isHeld = model.owned.stream()
                .anyMatch(resource -> resource instanceof DecoderResource holder && holder.holdsLayers());
        if (isHeld) {
            throw new BowlineException(
                    "an adapter is attached to a %s, so its decoder cannot be replaced".formatted(model.architecture()),
                    "detach every adapter before, and attach them again after");
        }
    }

    /// A separate head computes with the hidden states of the new decoder.
    private void requireDtypeOfHead(Parameter embedding) {
        Parameter head = lmHead().get();
        boolean isComparable = !tieFlag.tied() && head.isMaterialized() && embedding.isMaterialized();
        if (isComparable && head.dtype() != embedding.dtype()) {
            throw new BowlineException(
                    "the replacement has dtype %s, the model's separate head has dtype %s"
                            .formatted(
                                    embedding.dtype().configName(), head.dtype().configName()),
                    "cast the replacement or the model before");
        }
    }

    private static String headOf(TieFlag flag) {
        return flag.tied() ? "a tied head" : "a separate head";
    }

    /// Gives away the decoder. Nothing of this model is usable afterwards.
    private Decoder release() {
        Decoder given = decoder();
        isReleased = true;
        removeChild(given);
        parameters().values().forEach(Parameter::close);
        return given;
    }

    /// The active decoder: the model without its head.
    public Decoder decoder() {
        if (isReleased) {
            throw new BowlineException(
                    "the decoder of this %s was moved into another model".formatted(architecture()),
                    "use the model that replaceLanguageModel was called on");
        }
        return decoder;
    }

    /// The decoder layers, in their order.
    public List<Layer> layers() {
        return decoder().layers();
    }

    /// Calls `observer` at the moments of every later pass of the present decoder, in place of the observer before.
    public void observe(LayerPasses observer) {
        decoder().observe(observer);
    }

    @Override
    public String architecture() {
        return architecture.name();
    }

    @Override
    public TieSupport tieSupport() {
        return architecture.tieSupport();
    }

    @Override
    public TieFlag tieFlag() {
        return tieFlag;
    }

    @Override
    public TieFlag.ClassDefault tieDefault() {
        return architecture.tieDefault();
    }

    @Override
    public Slot inputEmbedding() {
        return decoder().tokens().weight();
    }

    @Override
    public Slot lmHead() {
        return lmHead.weight();
    }

    @Override
    public void tieWeights() {
        if (tieFlag.tied()) {
            lmHead.weight().tieTo(inputEmbedding());
        }
    }

    /// The config.json that the active decoder was built from, unchanged.
    public JsonObject config() {
        return config;
    }

    /// The settings of config.json that neither the model nor transformers uses, a sentence each.
    public List<String> notes() {
        return List.copyOf(findings.notes().values());
    }

    /// The dropouts that transformers applies in training. Bowline applies none.
    public List<Dropout> dropouts() {
        return findings.dropouts();
    }

    public int vocabularySize() {
        return decoder().config().size().vocabulary();
    }

    /// The number of experts that a layer sends a token to; 0 without experts.
    public int expertsPerToken() {
        return decoder().config().layers().stream()
                .mapToInt(layer -> switch (layer.feedForward()) {
                    case FeedForwardConfig.Experts experts -> experts.perToken();
                    case FeedForwardConfig.GatedWithExperts experts -> experts.perToken();
                    case FeedForwardConfig.Gated _, FeedForwardConfig.FusedGated _ -> 0;
                })
                .max()
                .orElse(0);
    }

    /// The longest sequence the model was made for.
    public int maxPositions() {
        int written = decoder().config().size().maxPositions();
        return decoder().config().layers().stream()
                .flatMap(layer -> layer.attention().rope().stream())
                .mapToInt(rope -> rope.scaling().reach(written))
                .min()
                .orElse(written);
    }

    /// The part of the model that a tensor belongs to.
    public Component component(String tensorName) {
        return Component.of(tensorName);
    }

    /// The differences between checkpoints' tensor names and the slots' names.
    public List<WeightRule> weightRules() {
        return CommonWeightRules.after(
                architecture.weightRules().apply(decoder().config()));
    }

    /// The hidden states after the final norm.
    ///
    /// @param ids [B, S] int64, on any device
    /// @param cache the earlier positions, advanced by S; empty to attend within this call only
    /// @return [B, S, H], owned by the caller's scope
    public Tensor hiddenStates(Tensor ids, Sequences sequences, Optional<KeyValueCache> cache) {
        return decoder().forward(ids, sequences, cache, checkpointing);
    }

    /// Chooses the activations that later forward passes keep for the backward pass. Losses and gradients do not
    /// change.
    public void useActivationCheckpointing(ActivationCheckpointing checkpointing) {
        this.checkpointing = checkpointing;
    }

    public Head head() {
        return new Head(lmHead, decoder().config().style().softcap());
    }

    /// @return [B, S, V], owned by the caller's scope
    public Tensor logits(Tensor ids, Sequences sequences) {
        return head().logits(hiddenStates(ids, sequences, Optional.empty()));
    }

    /// An empty cache with an entry per attention layer.
    public KeyValueCache newCache() {
        return decoder().newCache();
    }

    /// True if keys and values of `past` positions may be continued to `length` positions. Where they may not,
    /// all are computed anew, because the model rotates every position by other frequencies from there on.
    public boolean keepsCache(int past, int length) {
        return decoder().config().layers().stream()
                .flatMap(layer -> layer.attention().rope().stream())
                .allMatch(rope -> rope.scaling().keepsKeys(past, length));
    }

    /// Fills every parameter as transformers does for a model that is not loaded, in `dtype`, the same for the
    /// same seed. A model that already has values keeps its tensors: the values are drawn in float32 and cast
    /// in place. Checks the tie at the end.
    public void initializeWeights(Dtype dtype, long seed) {
        try (var _ = TensorScope.open()) {
            new WeightInitializer(decoder(), seed).fill(parameters());
            cast(dtype);
        }
        TiedWeights.ensureTiedLmHead(this);
        TiedWeights.requireDistinct(this, parameters());
    }

    /// Casts every parameter in place; ties are kept.
    public void cast(Dtype dtype) {
        parameters().values().forEach(parameter -> parameter.cast(dtype));
    }

    /// Ties `resource` to the model's life: it is closed with the model.
    public void own(AutoCloseable resource) {
        owned.add(resource);
    }

    /// The resource of one class that [#own] was given last.
    public <R extends AutoCloseable> Optional<R> owned(Class<R> type) {
        return owned.reversed().stream()
                .filter(type::isInstance)
                .map(type::cast)
                .findFirst();
    }

    @Override
    public void close() {
        parameters().values().forEach(Parameter::close);
        for (AutoCloseable resource : owned.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException("a resource of the model could not be closed", e);
            }
        }
        owned.clear();
    }
}
