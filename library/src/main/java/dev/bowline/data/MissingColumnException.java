package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;

/// A row without a field that the column mapping names.
public final class MissingColumnException extends BowlineException {

    private final String role;

    /// @param role the key of the column mapping: `context`, `question` or `answer`
    MissingColumnException(JsonObject row, String role, FieldPath field) {
        super(
                "%s: the row has no field '%s' (column_mapping.%s); %s"
                        .formatted(row.location().position(), field.text(), role, field.nearest(row)),
                "name one of these fields in column_mapping.%s, or give the row the field '%s'"
                        .formatted(role, field.text()));
        this.role = role;
    }

    /// The key of the column mapping that named the field.
    public String role() {
        return role;
    }
}
