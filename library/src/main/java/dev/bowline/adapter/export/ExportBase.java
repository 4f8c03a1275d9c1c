package dev.bowline.adapter.export;

import dev.bowline.adapter.format.BaseExperts;
import dev.bowline.adapter.format.ModuleName;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.consumers.Consumers;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.audit.evidence.BaseModules;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.WeightFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The base model of an exported adapter, as its files describe it.
///
/// @param modules the names and shapes of its weights
record ExportBase(Subject subject, BaseModules modules) {

    static ExportBase read(Path directory) {
        Subject subject = Subject.read(directory, Optional.empty());
        return new ExportBase(subject, BaseModules.of(subject));
    }

    Path directory() {
        return subject.files().directory();
    }

    /// The stacked experts, for the layout of an adapter's experts.
    ///
    /// @param weights of the base, open
    BaseExperts experts(WeightFiles weights) {
        return new NamedExperts(modules, BaseExperts.of(weights));
    }

    /// The experts by the names of the adapter, which another class of the base may have given.
    ///
    /// @param read the experts by the keys of the files
    private record NamedExperts(BaseModules modules, BaseExperts read) implements BaseExperts {

        @Override
        public Optional<List<Long>> shape(String parameter) {
            return modules.named(parameter).flatMap(modules::stacked);
        }

        @Override
        public Optional<double[]> outputScale(String experts) {
            return modules.named(experts).flatMap(read::outputScale);
        }
    }

    /// `architectures[0]` of config.json; empty text if there is none.
    String className() {
        return subject.pair().architecture().orElse("");
    }

    /// True if head and input embedding are one value.
    boolean isTied() {
        return subject.saysTied() && subject.kind() != Kind.BOTH_DIFFER;
    }

    boolean isHead(String module) {
        return ModuleName.last(module)
                .equals(ModuleName.last(weightless(subject.pair().headKey())));
    }

    boolean isInputEmbedding(String module) {
        return ModuleName.last(module)
                .equals(ModuleName.last(weightless(subject.pair().embeddingKey())));
    }

    private static String weightless(String key) {
        return key.endsWith(".weight") ? key.substring(0, key.length() - ".weight".length()) : key;
    }

    /// The settings of the language model.
    JsonObject textConfig() {
        return subject.config().optionalObject("text_config").orElse(subject.config());
    }

    /// True if `ollama create` imports the base's safetensors files.
    boolean isImportedByOllama() {
        return Consumers.views(subject).stream()
                .filter(view -> view.consumer() == Consumer.OLLAMA)
                .map(ConsumerView::outcome)
                .noneMatch(outcome -> outcome == Outcome.UNSUPPORTED || outcome == Outcome.FAILS);
    }
}
