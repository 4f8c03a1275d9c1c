package dev.bowline.data;

/// The fields that several formats of a row share.
final class RowFields {

    /// The tools of a conversation.
    static final String TOOLS = "tools";

    /// Variables for the chat template.
    static final String KWARGS = "chat_template_kwargs";

    private RowFields() {}
}
