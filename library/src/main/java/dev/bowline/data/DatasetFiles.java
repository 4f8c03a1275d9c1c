package dev.bowline.data;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The files of a dataset: the file itself, or the files of the splits in a directory.
///
/// Splits are found by the rules of Hugging Face datasets: by files such as `train-00000-of-00002.parquet`, by
/// directories such as `train/`, by files such as `train.jsonl` or `my-train-1.jsonl`. If no name contains a
/// split, every file belongs to `train`.
final class DatasetFiles {

    private static final String UNNAMED = "train";
    private static final int DEEPEST = 8;
    private static final int MAX_FILES = 100_000;

    /// Files that other programs keep in the directory of the data.
    private static final Set<String> NO_DATA = Set.of(
            "config.json",
            "dataset_info.json",
            "dataset_infos.json",
            "dataset_dict.json",
            "state.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "generation_config.json");

    private DatasetFiles() {}

    /// The files in the order in which they are read, which is the order of their names.
    static List<DataFile> of(Path path, DatasetSplit split) {
        if (!Files.isDirectory(path)) {
            return List.of(new DataFile(path));
        }
        List<SplitFile> all = found(path);
        if (all.isEmpty()) {
            throw new BowlineException(
                    "%s has no data files; they end in %s".formatted(path, String.join(", ", SplitFile.KINDS.keySet())),
                    "name the directory that holds them, or one file");
        }
        SequencedMap<String, List<SplitFile>> splits = bySplit(all);
        String chosen = chosen(path, split, splits);
        List<SplitFile> parts = splits.getOrDefault(chosen, List.of());
        requireOne(path, chosen, parts);
        return parts.stream()
                .map(part -> new DataFile(path.resolve(part.path())))
                .toList();
    }

    private static List<SplitFile> found(Path directory) {
        List<SplitFile> files = new ArrayList<>();
        // Links to directories are not followed, so there can be no loop. Links to files are followed, because
        // the Hugging Face cache consists of them.
        try (Stream<Path> walk = Files.walk(directory, DEEPEST)) {
            walk.filter(file -> !isHidden(directory.relativize(file)))
                    .filter(file -> !NO_DATA.contains(String.valueOf(file.getFileName())))
                    .filter(file -> SplitFile.kind(file).isPresent())
                    .filter(Files::isRegularFile)
                    .limit(MAX_FILES + 1L)
                    .forEach(file -> files.add(SplitFile.of(directory.relativize(file))));
        } catch (IOException | java.io.UncheckedIOException e) {
            throw new BowlineException(
                    "%s cannot be listed: %s".formatted(directory, e.getMessage()), "check its permissions", e);
        }
        if (files.size() > MAX_FILES) {
            throw new BowlineException(
                    "%s has more than %d data files".formatted(directory, MAX_FILES),
                    "name the directory that holds the dataset");
        }
        return files.stream()
                .sorted(java.util.Comparator.comparing(SplitFile::name))
                .toList();
    }

    private static boolean isHidden(Path relative) {
        for (Path step : relative) {
            String name = step.toString();
            if (name.startsWith(".") || name.startsWith("__")) {
                return true;
            }
        }
        return false;
    }

    /// The files of each split, by the clearest kind of name that any file has. Files with a less clear kind of
    /// name are left out.
    private static SequencedMap<String, List<SplitFile>> bySplit(List<SplitFile> all) {
        SequencedMap<String, List<SplitFile>> splits = new TreeMap<>();
        for (SplitFile.Naming naming : SplitFile.Naming.values()) {
            for (SplitFile file : all) {
                if (file.naming() == naming) {
                    splits.computeIfAbsent(file.split().orElse(UNNAMED), _ -> new ArrayList<>())
                            .add(file);
                }
            }
            if (!splits.isEmpty()) {
                break;
            }
        }
        return splits;
    }

    private static String chosen(Path path, DatasetSplit split, SequencedMap<String, List<SplitFile>> splits) {
        boolean unnamed =
                splits.values().stream().flatMap(List::stream).allMatch(file -> file.naming() == SplitFile.Naming.NONE);
        if (split.name().isPresent()) {
            String asked = split.name().get();
            return Stream.of(Optional.of(asked), SplitFile.keyword(asked))
                    .flatMap(Optional::stream)
                    .filter(splits::containsKey)
                    .findFirst()
                    .orElseThrow(() -> new BowlineException(
                            "%s has no split '%s'; it has %s".formatted(path, asked, quoted(splits.keySet())),
                            "choose one of them as split"));
        }
        Optional<String> preferred =
                split.preferred().stream().filter(splits::containsKey).findFirst();
        boolean isOnlyOne = splits.size() == 1
                && (unnamed || split.preferred().isEmpty() || split.preferred().contains(UNNAMED));
        return preferred
                .or(() -> isOnlyOne ? Optional.of(splits.firstEntry().getKey()) : Optional.empty())
                .orElseThrow(() -> new BowlineException(
                        "%s has %s, and none is chosen"
                                .formatted(
                                        path,
                                        (splits.size() == 1 ? "the split " : "the splits ") + quoted(splits.keySet())),
                        "choose one as split, such as split: "
                                + splits.firstEntry().getKey()));
    }

    /// A directory can hold one split several times: for several configurations, or in several formats.
    private static void requireOne(Path path, String split, List<SplitFile> parts) {
        Set<String> directories = new TreeSet<>();
        Set<String> kinds = new TreeSet<>();
        for (SplitFile part : parts) {
            part.configuration().ifPresent(directories::add);
            kinds.add(SplitFile.kind(part.path()).orElseThrow());
        }
        if (directories.size() > 1) {
            throw new BowlineException(
                    "%s has the split '%s' in %s".formatted(path, split, quoted(directories)),
                    "name one of these directories as path, such as %s"
                            .formatted(path.resolve(directories.iterator().next())));
        }
        if (kinds.size() > 1) {
            throw new BowlineException(
                    "%s has the split '%s' as %s: %s"
                            .formatted(
                                    path,
                                    split,
                                    String.join(" and as ", kinds),
                                    quoted(parts.stream()
                                            .map(SplitFile::name)
                                            .limit(10)
                                            .toList())),
                    "name one file as path, or move the other format away");
        }
    }

    private static String quoted(Iterable<String> names) {
        return java.util.stream.StreamSupport.stream(names.spliterator(), false)
                .map(name -> "'" + name + "'")
                .collect(Collectors.joining(", "));
    }
}
