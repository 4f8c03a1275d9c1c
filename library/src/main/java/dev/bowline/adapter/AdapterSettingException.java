package dev.bowline.adapter;

import dev.bowline.BowlineException;

/// A setting of an adapter that does not fit the model.
public final class AdapterSettingException extends BowlineException {

    private final String setting;

    /// @param setting by PEFT's name, such as `target_modules`
    AdapterSettingException(String setting, String problem, String fix) {
        super(problem, fix);
        this.setting = setting;
    }

    /// The setting by PEFT's name, such as `target_modules`.
    public String setting() {
        return setting;
    }
}
