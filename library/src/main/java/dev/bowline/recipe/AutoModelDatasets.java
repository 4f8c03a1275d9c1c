package dev.bowline.recipe;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.recipe.AutoModelTargets.Meaning;
import dev.bowline.recipe.AutoModelTargets.Slot;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// Translates the dataset sections of an AutoModel recipe to Bowline's keys. A class becomes a format, a split
/// becomes some rows of a local file, and a name on the Hub becomes an error with the command that makes the
/// file.
final class AutoModelDatasets {

    private static final String TRAINING = "dataset";
    private static final String VALIDATION = "validation_dataset";
    /// The keys that may name the data.
    static final List<String> SOURCES = List.of("path", "path_or_dataset_id", "path_or_dataset", "dataset_name");
    private static final Set<String> NO_TRUNCATION = Set.of("false", "do_not_truncate");
    private static final Set<String> TRUNCATION = Set.of("true", "longest_first", "only_first");

    private final Path file;
    private final boolean isAutoModel;
    private final Diagnostics diagnostics;
    private final Set<String> refused;

    /// @param file the recipe, absolute
    /// @param isAutoModel true for a recipe of AutoModel
    /// @param refused to add to
    AutoModelDatasets(Path file, boolean isAutoModel, Diagnostics diagnostics, Set<String> refused) {
        this.file = file;
        this.isAutoModel = isAutoModel;
        this.diagnostics = diagnostics;
        this.refused = refused;
    }

    /// One dataset section.
    ///
    /// @param name of the data that is read, if there is one
    /// @param written the name in the recipe, or of the dataset that the class reads by itself
    private record DatasetMapping(String key, Mapping mapping, Optional<Scalar> name, Optional<Scalar> written) {

        Optional<Scalar> scalar(String name) {
            return mapping.find(List.of(name)).flatMap(YamlValue::asScalar);
        }

        DatasetMapping with(String name, YamlValue value) {
            return new DatasetMapping(key, mapping.with(List.of(name), value), this.name, written);
        }

        DatasetMapping without(String name) {
            return new DatasetMapping(key, mapping.without(List.of(name)), this.name, written);
        }
    }

    Mapping translate(Mapping root) {
        Mapping translated = root;
        Optional<DatasetMapping> training = section(root, TRAINING);
        Optional<DatasetMapping> validation = section(root, VALIDATION);
        if (training.isPresent()) {
            translated = put(translated, local(training.get()));
        }
        if (validation.isPresent()) {
            translated = validation(translated, training, validation.get());
        }
        return translated;
    }

    private static Mapping put(Mapping root, DatasetMapping section) {
        return root.with(List.of(section.key), section.mapping);
    }

    /// Empty where there is none, or where its class is refused.
    private Optional<DatasetMapping> section(Mapping root, String key) {
        if (!(root.find(List.of(key)).orElse(root) instanceof Mapping mapping) || mapping == root) {
            return Optional.empty();
        }
        Optional<Scalar> target = mapping.find(List.of("_target_")).flatMap(YamlValue::asScalar);
        Optional<Meaning> meaning = target.flatMap(named -> AutoModelTargets.find(Slot.DATASET, named.text()))
                .map(AutoModelTargets.Target::meaning);
        Optional<AutoModelDatasetClass> known =
                meaning.flatMap(what -> what instanceof Meaning.Layout(AutoModelDatasetClass dataset)
                        ? Optional.of(dataset)
                        : Optional.empty());
        if (target.isPresent() && known.isEmpty()) {
            refused.add(key);
        }
        DatasetMapping section = sourced(new DatasetMapping(key, mapping, Optional.empty(), Optional.empty()), known);
        if (known.isPresent() && section.scalar("format").isEmpty()) {
            Origin at = target.orElseThrow().at();
            section = section.with("format", new Scalar(known.get().format(), true, at));
        }
        boolean isPlain = known.filter(dataset -> dataset.template() == AutoModelDatasetClass.Template.NONE)
                .isPresent();
        if (isPlain && section.scalar("use_hf_chat_template").isEmpty()) {
            Origin at = target.orElseThrow().at();
            section = section.with("use_hf_chat_template", new Scalar("false", true, at));
            diagnostics.translated(at, key + "._target_", "examples are plain text, without a chat template");
        }
        return Optional.of(lengths(section));
    }

    /// A name from the command line has precedence over the recipe's names, under any key.
    private DatasetMapping sourced(DatasetMapping section, Optional<AutoModelDatasetClass> known) {
        List<String> given =
                SOURCES.stream().filter(key -> section.scalar(key).isPresent()).toList();
        Optional<String> flagged = given.stream()
                .filter(key -> section.scalar(key).orElseThrow().at() instanceof Origin.OnFlag)
                .findFirst();
        Optional<String> chosen = flagged.or(() -> given.stream().findFirst());
        Optional<Scalar> usual =
                known.flatMap(AutoModelDatasetClass::hubName).map(name -> new Scalar(name, true, section.mapping.at()));
        if (chosen.isEmpty()) {
            return new DatasetMapping(section.key, section.mapping, usual, usual);
        }
        Optional<Scalar> written = given.stream()
                .map(key -> section.scalar(key).orElseThrow())
                .filter(name -> !(name.at() instanceof Origin.OnFlag))
                .findFirst()
                .or(() -> usual);
        Scalar name = section.scalar(chosen.get()).orElseThrow();
        Mapping left = section.mapping;
        for (String other : given) {
            if (flagged.isEmpty() && !other.equals(chosen.get())) {
                diagnostics.problem(
                        left.entry(other).orElseThrow().keyAt(),
                        "%s.path is given twice, as %s and as %s".formatted(section.key, chosen.get(), other),
                        "keep path");
            }
            left = left.without(List.of(other));
        }
        return new DatasetMapping(section.key, left.with(List.of("path"), name), Optional.of(name), written);
    }

    /// AutoModel's `truncation` is a switch; Bowline's selects what is cut.
    private DatasetMapping lengths(DatasetMapping section) {
        DatasetMapping left = cut(section, "truncate");
        left = cut(left, "truncation");
        return template(left);
    }

    private DatasetMapping cut(DatasetMapping section, String name) {
        Optional<Scalar> written = section.scalar(name);
        String text =
                written.map(scalar -> scalar.text().toLowerCase(Locale.ROOT)).orElse("");
        String key = section.key + "." + name;
        if (NO_TRUNCATION.contains(text)) {
            diagnostics.ignored(
                    written.orElseThrow().at(),
                    key,
                    "nothing is cut, and an example longer than seq_length is an error");
            return section.without(name);
        }
        if (!TRUNCATION.contains(text)) {
            return section;
        }
        boolean isLeft = section.mapping
                .find(List.of("tokenizer", "truncation_side"))
                .flatMap(YamlValue::asScalar)
                .filter(side -> side.text().equals("left"))
                .isPresent();
        String cut = isLeft ? "cut_start" : "cut_end";
        diagnostics.translated(written.orElseThrow().at(), key, "read as truncation: " + cut);
        return section.without(name)
                .with("truncation", new Scalar(cut, true, written.get().at()));
    }

    /// Looks up a template file with the rules for the files of a recipe.
    private DatasetMapping template(DatasetMapping section) {
        Optional<Scalar> template = section.scalar("chat_template");
        Optional<Path> found = template.flatMap(this::existing);
        return found.isPresent()
                ? section.with(
                        "chat_template",
                        new Scalar(
                                found.get().toString(),
                                false,
                                template.orElseThrow().at()))
                : section;
    }

    /// The section with the path of a local file; a problem with the command that makes the file otherwise.
    private DatasetMapping local(DatasetMapping section) {
        Optional<Scalar> name = section.name;
        if (name.isEmpty()) {
            return withoutHubKeys(section);
        }
        Optional<Path> found = existing(name.get());
        if (found.isPresent()) {
            return withoutHubKeys(section.with(
                    "path", new Scalar(found.get().toString(), false, name.get().at())));
        }
        if (isHubName(name.get()) && !refused.contains(section.key)) {
            HubDataset hub = hub(section);
            diagnostics.problem(
                    name.get().at(),
                    "%s is a dataset on the Hugging Face Hub, and datasets are local files"
                            .formatted(name.get().text()),
                    Fix.of("make the file (%s) and give it: ".formatted(hub.command()))
                            .and(new Remedy.Assign("%s.path=%s".formatted(section.key, hub.file()))));
            refused.add(section.key);
        }
        return withoutHubKeys(section);
    }

    /// True if a name that is not a local path is a dataset of the Hub. In an AutoModel recipe the name may be
    /// a single word, such as `squad`. In a recipe of Bowline a path below an existing directory is not a name
    /// of the Hub.
    private boolean isHubName(Scalar name) {
        boolean isBesideFiles = HubDataset.isName(name.text())
                && PathTypes.firstExisting(
                                PathTypes.bases(name.at(), file),
                                name.text().substring(0, name.text().indexOf('/')))
                        .isPresent();
        return isAutoModel
                ? HubDataset.isName(name.text()) || HubDataset.isWord(name.text())
                : HubDataset.isName(name.text()) && !isBesideFiles;
    }

    /// The section without the keys that only select a dataset on the Hub.
    private DatasetMapping withoutHubKeys(DatasetMapping section) {
        DatasetMapping left = section;
        for (String key : isAutoModel ? List.of("name", "revision") : List.<String>of()) {
            Optional<Scalar> there = left.scalar(key);
            there.ifPresent(value -> diagnostics.ignored(
                    value.at(),
                    section.key + "." + key,
                    "it selects a dataset on the Hub, and datasets are local files"));
            left = left.without(key);
        }
        return left;
    }

    /// With a local training file, a validation dataset of the Hub becomes the same file if it is the same
    /// split, and is left out otherwise.
    private Mapping validation(Mapping root, Optional<DatasetMapping> training, DatasetMapping validation) {
        boolean isOfTheHub = validation.name.isPresent()
                && existing(validation.name.get()).isEmpty()
                && isHubName(validation.name.get());
        Optional<Path> trained = training.flatMap(section -> section.name).flatMap(this::existing);
        if (!isAutoModel || !isOfTheHub || trained.isEmpty() || refused.contains(VALIDATION)) {
            return put(root, local(validation));
        }
        Scalar name = validation.name.orElseThrow();
        HubDataset hub = hub(validation);
        if (hub(training.orElseThrow()).equals(hub)) {
            diagnostics.translated(name.at(), VALIDATION, "read from the file of dataset, which is the same split");
            Scalar path = new Scalar(trained.get().toString(), false, name.at());
            return put(root, withoutHubKeys(validation.with("path", path)));
        }
        diagnostics.translated(
                name.at(),
                VALIDATION,
                ("%s is a dataset on the Hugging Face Hub, so nothing is validated; to validate, make the file (%s)"
                                + " and set %s.path=%s")
                        .formatted(name.text(), hub.command(), VALIDATION, hub.file()));
        return root.without(List.of(VALIDATION));
    }

    private static HubDataset hub(DatasetMapping section) {
        return new HubDataset(
                section.written.or(() -> section.name).orElseThrow().text(),
                section.scalar("name").map(Scalar::text),
                section.scalar("revision").map(Scalar::text),
                section.scalar("split").map(Scalar::text).orElse("train").replaceFirst("\\[.*", ""),
                section.scalar("shuffle_seed").map(Scalar::text).filter(seed -> seed.matches("[0-9]+")));
    }

    /// The existing file of a path. AutoModel's paths are relative to the directory that AutoModel is started
    /// in, which is above its recipes: the path is looked up next to the recipe, in the current directory, and
    /// in each directory above the recipe.
    private Optional<Path> existing(Scalar scalar) {
        String text = scalar.text();
        if (text.isBlank() || text.contains("{{") || text.contains("{%") || text.indexOf('\n') >= 0) {
            return Optional.empty();
        }
        List<Path> bases = new ArrayList<>(PathTypes.bases(scalar.at(), file));
        if (isAutoModel && scalar.at() instanceof Origin.InFile) {
            bases.add(Path.of("").toAbsolutePath());
            Stream.iterate(file.getParent(), Objects::nonNull, Path::getParent).forEach(bases::add);
        }
        return PathTypes.firstExisting(bases, text);
    }
}
