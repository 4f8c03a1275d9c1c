package dev.bowline.checkpoint;

import dev.bowline.checkpoint.SaveReport.Origin;
import dev.bowline.safetensors.TensorSource;

/// One tensor on its way into a file.
record TensorToSave(TensorSource tensor, Origin origin) {

    String key() {
        return tensor.name();
    }

    SaveReport.Written written() {
        return new SaveReport.Written(tensor.name(), tensor.type(), tensor.bytes(), origin);
    }
}
