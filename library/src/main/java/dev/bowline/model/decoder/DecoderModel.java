package dev.bowline.model.decoder;

import dev.bowline.json.JsonObject;
import dev.bowline.model.CommonWeightRules;
import dev.bowline.model.Component;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.Dropout;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.Head;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.statedict.WeightRule;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// A decoder with a language modelling head, as a family declares it.
final class DecoderModel extends Layer implements LanguageModel {

    private final DecoderFamily family;
    private final JsonObject config;
    private final TieFlag tieFlag;
    private final Linear lmHead;
    private final ConfigFindings findings = new ConfigFindings();
    private final List<AutoCloseable> owned = new ArrayList<>();
    private Decoder decoder;

    DecoderModel(DecoderFamily family, JsonObject config) {
        super("");
        this.family = family;
        this.config = config;
        tieFlag = TieFlag.controlling(config, family.tieDefault());
        family.tieSupport().require(family.architectureName(), tieFlag);
        DecoderConfig declared = family.read(config, findings);
        decoder = child(new Decoder(family.decoderPath(), declared));
        lmHead = child(Head.linear(
                "lm_head",
                declared.size().hidden(),
                declared.size().vocabulary(),
                declared.style().head()));
        tieWeights();
    }

    /// Swaps the decoder. The head is tied to the new one's embedding, and nothing reaches the old one any more.
    void replaceDecoder(Decoder replacement) {
        Decoder old = decoder;
        decoder = replaceChild(old, replacement);
        tieWeights();
        old.parameters().values().forEach(Parameter::close);
    }

    Decoder decoder() {
        return decoder;
    }

    @Override
    public String architecture() {
        return family.architectureName();
    }

    @Override
    public TieSupport tieSupport() {
        return family.tieSupport();
    }

    @Override
    public TieFlag tieFlag() {
        return tieFlag;
    }

    @Override
    public TieFlag.ClassDefault tieDefault() {
        return family.tieDefault();
    }

    @Override
    public Slot inputEmbedding() {
        return decoder.tokens().weight();
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

    @Override
    public JsonObject config() {
        return config;
    }

    @Override
    public List<String> notes() {
        return List.copyOf(findings.notes().values());
    }

    @Override
    public List<Dropout> dropouts() {
        return findings.dropouts();
    }

    @Override
    public int vocabularySize() {
        return decoder.config().size().vocabulary();
    }

    @Override
    public int maxPositions() {
        int said = decoder.config().size().maxPositions();
        return decoder.config().layers().stream()
                .flatMap(layer -> layer.attention().rope().stream())
                .mapToInt(rope -> rope.scaling().reach(said))
                .min()
                .orElse(said);
    }

    @Override
    public Component component(String tensorName) {
        return family.component(tensorName);
    }

    @Override
    public List<WeightRule> weightRules() {
        return CommonWeightRules.after(family.weightRules(decoder.config()));
    }

    @Override
    public Tensor hiddenStates(Tensor ids, Sequences sequences, Optional<KeyValueCache> cache) {
        return decoder.forward(ids, sequences, cache);
    }

    @Override
    public Head head() {
        return new Head(lmHead, decoder.config().style().softcap());
    }

    @Override
    public KeyValueCache newCache() {
        return decoder.newCache();
    }

    @Override
    public boolean keepsCache(int past, int length) {
        return decoder.config().layers().stream()
                .flatMap(layer -> layer.attention().rope().stream())
                .allMatch(rope -> rope.scaling().keepsKeys(past, length));
    }

    @Override
    public void initializeWeights(Dtype dtype, long seed) {
        try (var _ = TensorScope.open()) {
            new DecoderInitialization(family, decoder, seed).fill(parameters());
            cast(dtype);
        }
        TiedWeights.ensureTiedLmHead(this);
        TiedWeights.requireDistinct(this, parameters());
    }

    @Override
    public void cast(Dtype dtype) {
        parameters().values().forEach(parameter -> parameter.cast(dtype));
    }

    @Override
    public void own(AutoCloseable resource) {
        owned.add(resource);
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
