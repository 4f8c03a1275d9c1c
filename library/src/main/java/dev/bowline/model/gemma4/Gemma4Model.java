package dev.bowline.model.gemma4;

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
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// Gemma 4 with a language modelling head: `Gemma4ForConditionalGeneration` (its text path) and `Gemma4ForCausalLM`.
///
/// The two differ in where the decoder sits and in which level of config.json the tie flag is read from. The parent
/// builds the dense decoder and ties the head to it; a mixture-of-experts config then replaces the decoder, and the
/// head follows the active embedding because the tie is declared by role and resolved again after the swap.
public final class Gemma4Model extends Layer implements LanguageModel {

    private final Gemma4Architecture architecture;
    private final JsonObject config;
    private final TieFlag tieFlag;
    private final Linear lmHead;
    private final ConfigFindings findings = new ConfigFindings();
    private final List<AutoCloseable> owned = new ArrayList<>();
    private TextModel languageModel;

    Gemma4Model(Gemma4Architecture architecture, JsonObject config) {
        super("");
        this.architecture = architecture;
        this.config = config;
        tieFlag = TieFlag.controlling(config, tieDefault());
        architecture.tieSupport().require(architecture.architectureName(), tieFlag);

        Gemma4Config text = architecture.textConfig(config, findings);
        languageModel = child(new TextModel(architecture.decoderPath(), text.withoutExperts()));
        lmHead = child(new Linear("lm_head", text.hiddenSize(), text.vocabulary()));
        tieWeights();
        if (text.experts().isPresent()) {
            replaceLanguageModel(new TextModel(architecture.decoderPath(), text));
        }
    }

    /// Swaps the decoder. The head is tied to the new one's embedding, and nothing reaches the old one any more.
    void replaceLanguageModel(TextModel replacement) {
        TextModel old = languageModel;
        languageModel = replaceChild(old, replacement);
        tieWeights();
        old.parameters().values().forEach(Parameter::close);
    }

    TextModel languageModel() {
        return languageModel;
    }

    @Override
    public String architecture() {
        return architecture.architectureName();
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
        return TieFlag.ClassDefault.TIED;
    }

    @Override
    public Slot inputEmbedding() {
        return languageModel.tokens().weight();
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
        return languageModel.config().vocabulary();
    }

    @Override
    public int maxPositions() {
        return languageModel.config().maxPositions();
    }

    @Override
    public Component component(String tensorName) {
        return Gemma4Components.of(tensorName);
    }

    @Override
    public List<WeightRule> weightRules() {
        return CommonWeightRules.after(Gemma4Weights.rules(architecture.decoderPath(), languageModel.config()));
    }

    @Override
    public Tensor hiddenStates(Tensor ids, Sequences sequences, Optional<KeyValueCache> cache) {
        return languageModel.forward(ids, sequences, cache);
    }

    @Override
    public Head head() {
        return new Head(lmHead, languageModel.config().softcap());
    }

    @Override
    public KeyValueCache newCache() {
        return languageModel.newCache();
    }

    @Override
    public void initializeWeights(Dtype dtype, long seed) {
        try (var _ = TensorScope.open()) {
            new Gemma4Initialization(languageModel.config(), seed).fill(parameters());
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
        for (Map.Entry<String, Parameter> entry : parameters().entrySet()) {
            entry.getValue().close();
        }
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
