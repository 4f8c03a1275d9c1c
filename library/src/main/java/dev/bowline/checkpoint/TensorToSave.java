package dev.bowline.checkpoint;

import dev.bowline.checkpoint.SaveReport.Origin;
import dev.bowline.safetensors.TensorSource;

/// One tensor that a save writes, and the source of its bytes.
record TensorToSave(TensorSource tensor, Origin origin) {

    String key() {
        return tensor.name();
    }

    SaveReport.Written written() {
        return new SaveReport.Written(tensor.name(), tensor.type(), tensor.bytes(), origin);
    }
}
