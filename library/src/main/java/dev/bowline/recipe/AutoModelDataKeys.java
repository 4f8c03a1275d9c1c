package dev.bowline.recipe;

import static dev.bowline.recipe.AutoModelRows.in;

import dev.bowline.recipe.AutoModelKey.Ignored;
import dev.bowline.recipe.AutoModelKey.Means;
import dev.bowline.recipe.AutoModelKey.Moved;
import dev.bowline.recipe.AutoModelKey.OnlyWith;
import dev.bowline.recipe.AutoModelKey.Target;
import java.util.List;

/// The translation of AutoModel's keys for datasets, their loaders and packing.
final class AutoModelDataKeys {

    private static final String LOADING = "examples are read ahead, without a setting";

    private AutoModelDataKeys() {}

    static void addTo(AutoModelRows rows) {
        datasets(rows);
        loaders(rows);
    }

    private static void datasets(AutoModelRows rows) {
        for (String section : List.of("dataset", "validation_dataset")) {
            rows.put(new Target(), section + "._target_");
            rows.put(new Moved(section + ".limit_dataset_samples"), section + ".num_samples_limit");
            rows.put(new Moved(section + ".seq_length"), section + ".max_length");
            rows.put(new Moved(section + ".mask_history"), section + ".train_on_last_turn_only");
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

    private static void loaders(AutoModelRows rows) {
        for (String section : List.of("dataloader", "validation_dataloader")) {
            rows.put(new Target(), section + "._target_", section + ".collate_fn", section + ".collate_fn._target_");
            rows.put(
                    new Ignored("rows are padded to the longest of their batch, and padding is never trained on"),
                    in(section + ".collate_fn", "pad_seq_len_divisible"));
            rows.put(
                    new Moved(section.replace("dataloader", "dataset") + ".seq_length"),
                    section + ".collate_fn.max_length");
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
        rows.put(new Moved("dataset.shuffle"), "dataloader.shuffle");
        rows.put(
                new OnlyWith(List.of("null"), "a batch size other than step_scheduler.local_batch_size"),
                "dataloader.batch_size");
        rows.put(
                new Ignored("validation reads every example once, in batches of step_scheduler.local_batch_size"),
                in("validation_dataloader", "shuffle batch_size"));
        rows.put(new Moved("packed_sequence.packed_sequence_size"), "packed_sequence.pack_size");
        rows.put(new Moved("dataset.seq_length"), "packed_sequence.max_length");
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
