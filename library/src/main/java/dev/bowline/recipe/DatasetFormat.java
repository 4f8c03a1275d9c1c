package dev.bowline.recipe;

/// How one example is written in the file.
public enum DatasetFormat {
    /// By the keys of the first example.
    AUTO,
    /// OpenAI chat: `{"messages": [{"role": …, "content": …}]}`, with an optional `tools`.
    MESSAGES,
    /// `{"conversations": [{"from": …, "value": …}]}`.
    SHAREGPT,
    /// SQuAD: `context`, `question`, `answers.text`.
    SQUAD,
    /// HellaSwag: `ctx`, `endings`, `label`.
    HELLASWAG,
    /// xLAM function calling: `query`, `tools`, `answers`.
    XLAM,
    /// TRL's prompt-completion: `prompt` and `completion`, texts or lists of messages.
    PROMPT_COMPLETION,
    /// TRL's language modeling: `text`.
    TEXT,
    /// One field holds the question and another the answer, see [ColumnMapping].
    COLUMNS
}
