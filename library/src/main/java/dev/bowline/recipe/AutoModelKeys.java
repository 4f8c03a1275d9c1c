package dev.bowline.recipe;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Every key of NeMo AutoModel's fine-tuning recipes that is not a key of Bowline's with the same meaning, and
/// its translation. A plain rename is declared with the key of Bowline ([Key#autoModelPaths]).
final class AutoModelKeys {

    private static final String LOADING = "examples are read ahead, without a setting";

    /// One key and its translation.
    ///
    /// @param path dotted; the row of a mapping applies to every key in it without a row of its own
    record Row(String path, Treatment treatment) {}

    /// The translation of a key.
    sealed interface Treatment {}

    /// The key changes no number of the run.
    ///
    /// @param reason completes "KEY has no effect: …"
    record Ignored(String reason) implements Treatment {}

    /// Another key has the same meaning.
    ///
    /// @param to that key, dotted
    record Moved(String to) implements Treatment {}

    /// One value of the key is a value of another key; any other value has no effect.
    ///
    /// @param when the value in lower case
    /// @param to that key, dotted
    record Means(String when, String to, String value) implements Treatment {}

    /// The key has no effect with these values; any other value requests a feature that Bowline does not have.
    ///
    /// @param values in lower case
    /// @param feature completes "KEY: … is not supported"
    record OnlyWith(List<String> values, String feature) implements Treatment {

        public OnlyWith {
            values = List.copyOf(values);
        }
    }

    /// The key requests a feature that Bowline does not have.
    ///
    /// @param feature completes "KEY: … is not supported"
    /// @param fix the remedy, in the imperative
    record Refused(String feature, String fix) implements Treatment {}

    /// A class or a function. Which ones are known [AutoModelTargets] lists.
    record Target() implements Treatment {}

    /// The rows while they are written, each key once.
    static final class Rows {

        private final Map<String, Treatment> rows = new LinkedHashMap<>();

        void put(Treatment treatment, String... paths) {
            for (String path : paths) {
                if (rows.putIfAbsent(path, treatment) != null) {
                    throw new IllegalStateException(path + " has two rows");
                }
            }
        }
    }

    private static final Map<String, Treatment> ROWS = rows();

    private AutoModelKeys() {}

    static Optional<Treatment> find(String path) {
        return Optional.ofNullable(ROWS.get(path));
    }

    /// True if a key in `section` has a row.
    static boolean isSection(String section) {
        return ROWS.keySet().stream().anyMatch(path -> path.startsWith(section + "."));
    }

    /// Names of AutoModel's keys in `section`, empty for the top.
    static List<String> names(String section) {
        String prefix = section.isEmpty() ? "" : section + ".";
        return ROWS.keySet().stream()
                .filter(path -> path.startsWith(prefix))
                .map(path -> Key.segments(path.substring(prefix.length())).getFirst())
                .distinct()
                .toList();
    }

    static List<Row> all() {
        return ROWS.entrySet().stream()
                .map(row -> new Row(row.getKey(), row.getValue()))
                .toList();
    }

    /// @param names separated by spaces
    static String[] in(String section, String names) {
        return Arrays.stream(names.split(" ")).map(name -> section + "." + name).toArray(String[]::new);
    }

    private static Map<String, Treatment> rows() {
        Rows rows = new Rows();
        AutoModelRunKeys.addTo(rows);
        AutoModelPeft.addTo(rows);
        datasets(rows);
        loaders(rows);
        for (Key<?> key : RecipeSchema.RECIPE.keys()) {
            for (String path : key.autoModelPaths()) {
                rows.put(new Moved(key.path()), path);
            }
        }
        return rows.rows;
    }

    private static void datasets(Rows rows) {
        for (String section : List.of("dataset", "validation_dataset")) {
            rows.put(new Target(), section + "._target_");
            rows.put(
                    new Ignored("rows are padded to the longest of their batch, and padding is never trained on"),
                    in(section, "padding pad_to_max_length"));
            rows.put(
                    new Ignored("the checkpoint's tokenizer and chat template say where answers begin"),
                    in(section, "tokenizer start_of_turn_token"));
            rows.put(new Ignored("the examples are read in the order of the file"), in(section, "shuffle_seed seed"));
            rows.put(new Means("true", section + ".truncation", "skip"), section + ".filter_overlong");
            rows.put(new Ignored("AutoModel does not read it either"), section + ".fp8");
            rows.put(new Ignored("every example becomes tokens before the first step"), section + ".pretokenize");
            rows.put(new Ignored("only text is trained on"), section + ".inject_fake_images");
            rows.put(new Ignored("a broken example is an error with its line"), section + ".skip_invalid_samples");
            rows.put(
                    new OnlyWith(List.of("false"), "thoughts that are not trained on"),
                    section + ".mask_reasoning_content");
            rows.put(
                    new OnlyWith(List.of("false"), "thoughts left out of earlier turns"),
                    section + ".drop_history_reasoning_content");
            rows.put(new OnlyWith(List.of("false"), "earlier turns left out to fit"), section + ".truncate_history");
            rows.put(
                    new OnlyWith(List.of("false"), "the end of a conversation left out after its last answer"),
                    section + ".trim_incomplete_last_turn");
            rows.put(
                    new OnlyWith(List.of("false"), "conversations without an answer left out"),
                    section + ".filter_no_assistant");
            rows.put(new OnlyWith(List.of("false"), "training of a diffusion language model"), section + ".unshifted");
        }
    }

    private static void loaders(Rows rows) {
        for (String section : List.of("dataloader", "validation_dataloader")) {
            rows.put(new Target(), section + "._target_", section + ".collate_fn", section + ".collate_fn._target_");
            rows.put(
                    new Ignored("rows are padded to the longest of their batch, and padding is never trained on"),
                    in(section + ".collate_fn", "pad_seq_len_divisible"));
            rows.put(
                    new OnlyWith(List.of("false"), "an estimate of the length of examples, to leave long ones out,"),
                    section + ".collate_fn.drop_overlong");
            rows.put(
                    new Ignored(LOADING),
                    in(
                            section,
                            "num_workers pin_memory persistent_workers prefetch_factor shuffle_buffer_size"
                                    + " multiprocessing_context timeout"));
            rows.put(new Ignored("every example of an epoch is trained on"), section + ".drop_last");
            rows.put(
                    new OnlyWith(List.of("false"), "batches of examples of like length"), section + ".group_by_length");
        }
        rows.put(
                new OnlyWith(List.of("null"), "a batch size other than step_scheduler.local_batch_size"),
                "dataloader.batch_size");
        rows.put(
                new Ignored("validation reads every example once, in batches of step_scheduler.local_batch_size"),
                in("validation_dataloader", "shuffle batch_size"));
        rows.put(new Means("true", "dataset.truncation", "skip"), "packed_sequence.drop_long_samples");
        rows.put(
                new Ignored("there is one way of packing: whole examples, first fit, that do not see each other"),
                in(
                        "packed_sequence",
                        "packing_strategy packing_ratio packing_format collate_max_length pretokenize"
                                + " attn_implementation balance_media_tokens num_proc"));
        rows.put(
                new OnlyWith(List.of("false"), "an example split across two packed rows"),
                "packed_sequence.split_across_pack");
        rows.put(new OnlyWith(List.of("null"), "a limit of packed rows"), "packed_sequence.max_packs");
        rows.put(new Target(), "packed_sequence.post_tokenize_hook_fn");
    }
}
