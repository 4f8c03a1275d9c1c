package dev.bowline.recipe;

import java.util.List;
import java.util.Optional;

/// A dataset of AutoModel's that Bowline reads from a local file.
///
/// @param target the name in recipes
/// @param format the value of `dataset.format`
/// @param hubName the dataset it reads where the recipe names none
/// @param template of its examples
record AutoModelDatasetClass(String target, String format, Optional<String> hubName, Template template) {

    /// The form in which its examples are written.
    enum Template {
        CHAT,
        NONE
    }

    private static final String DATASETS = "nemo_automodel.components.datasets.";

    static final List<AutoModelDatasetClass> ALL = List.of(
            new AutoModelDatasetClass(
                    DATASETS + "llm.squad.make_squad_dataset", "squad", Optional.of("rajpurkar/squad"), Template.CHAT),
            new AutoModelDatasetClass(
                    DATASETS + "llm.hellaswag.HellaSwag", "hellaswag", Optional.empty(), Template.NONE),
            new AutoModelDatasetClass(
                    DATASETS + "llm.xlam.make_xlam_dataset",
                    "xlam",
                    Optional.of("Salesforce/xlam-function-calling-60k"),
                    Template.CHAT),
            new AutoModelDatasetClass(
                    DATASETS + "llm.chat_dataset.ChatDataset", "auto", Optional.empty(), Template.CHAT),
            new AutoModelDatasetClass(
                    DATASETS + "llm.agent_chat.make_agent_chat_dataset", "auto", Optional.empty(), Template.CHAT),
            new AutoModelDatasetClass(
                    DATASETS + "vlm.datasets.make_tulu3_dataset",
                    "messages",
                    Optional.of("allenai/tulu-3-sft-mixture"),
                    Template.CHAT),
            new AutoModelDatasetClass(
                    DATASETS + "llm.column_mapped_text_instruction_dataset.ColumnMappedTextInstructionDataset",
                    "columns",
                    Optional.empty(),
                    Template.NONE),
            new AutoModelDatasetClass(
                    DATASETS
                            + "llm.column_mapped_text_instruction_iterable_dataset"
                            + ".ColumnMappedTextInstructionIterableDataset",
                    "columns",
                    Optional.empty(),
                    Template.NONE));
}
