package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdapterInspection;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.catalog.Pretrained;
import dev.bowline.model.LanguageModel;
import dev.bowline.safetensors.PeftAdapter;
import dev.bowline.safetensors.WeightFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Option;

/// The adapters that a command uses with a model.
final class AdapterOptions {

    @Option(
            names = "--adapter",
            paramLabel = "[NAME=]DIR",
            description = {
                "A PEFT adapter of the model. Repeatable: the adapters are used one after the other, each alone."
                        + " NAME labels the output; default: the name of DIR. The base of the adapter's record must"
                        + " be the model."
            })
    private List<String> given = List.of();

    /// A model directory with the adapters to use on it.
    ///
    /// @param base the model
    record Chosen(Path base, List<NamedAdapter> adapters) {

        /// Attaches the adapters, without using one.
        ///
        /// @throws BowlineException if an adapter does not fit the model, or was trained on another base
        void attach(Pretrained pretrained) {
            Optional<BaseIdentity> identity = Optional.empty();
            for (NamedAdapter adapter : adapters) {
                try (AdapterFiles files = AdapterFiles.open(adapter.directory())) {
                    if (files.record().isPresent()) {
                        identity = identity.or(() -> Optional.of(identity(base)));
                        files.record().get().requireBase(adapter.directory().toString(), identity.get());
                    }
                    Adapters.of(pretrained.model()).attach(adapter.name(), files);
                }
            }
        }

        /// @param model the base, which may have no values
        List<AdapterInspection> inspect(LanguageModel model) {
            List<AdapterInspection> all = new ArrayList<>();
            for (NamedAdapter adapter : adapters) {
                try (AdapterFiles files = AdapterFiles.open(adapter.directory())) {
                    all.add(AdapterInspection.of(adapter.name(), files, model, () -> identity(base)));
                }
            }
            return all;
        }
    }

    /// The tensors of a base. Reads every weight once.
    static BaseIdentity identity(Path base) {
        try (WeightFiles weights = WeightFiles.open(base)) {
            return BaseIdentity.of(weights);
        }
    }

    /// The model and the adapters of a call. A directory with an adapter stands for its base with the adapter, if the
    /// base is a local directory.
    ///
    /// @param directory the command's argument
    Chosen of(Path directory, Console console) {
        List<NamedAdapter> adapters = new ArrayList<>();
        Path base = directory;
        Optional<PeftAdapter> itself = adapterAt(directory);
        if (itself.isPresent()) {
            base = itself.get().baseDirectory().orElseThrow(itself.get()::notAModel);
            console.note("%s is an adapter of %s, which is loaded as the base".formatted(directory, base));
            adapters.add(NamedAdapter.of(directory));
        }
        given.stream().map(NamedAdapter::parse).forEach(adapters::add);
        requireDistinct(adapters);
        return new Chosen(base, adapters);
    }

    private static Optional<PeftAdapter> adapterAt(Path directory) {
        return Files.exists(directory.resolve("config.json")) ? Optional.empty() : PeftAdapter.find(directory);
    }

    private static void requireDistinct(List<NamedAdapter> adapters) {
        Set<String> names = new HashSet<>();
        for (NamedAdapter adapter : adapters) {
            if (!names.add(adapter.name())) {
                throw new BowlineException(
                        "two adapters have the name '%s'".formatted(adapter.name()),
                        "name one of them: --adapter NAME=%s".formatted(adapter.directory()));
            }
        }
    }
}
