PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE dependencies (
        position INTEGER PRIMARY KEY,
        parent TEXT NOT NULL REFERENCES instances (tag) ON DELETE CASCADE,
        child TEXT NOT NULL REFERENCES instances (tag) ON DELETE CASCADE,
        UNIQUE (parent, child)
    );
INSERT INTO "dependencies" VALUES(1,'/data','vg1/data');
INSERT INTO "dependencies" VALUES(2,'vg1/data','vg1');
INSERT INTO "dependencies" VALUES(3,'vg1','disk-A');
INSERT INTO "dependencies" VALUES(4,'vg1','disk-B');
CREATE TABLE flags (
        flag TEXT PRIMARY KEY,
        boot TEXT NOT NULL,
        pid INTEGER,
        started INTEGER
    );
INSERT INTO "flags" VALUES('mine','00000000-0000-4000-8000-000000000000',NULL,NULL);
CREATE TABLE identity (only INTEGER PRIMARY KEY CHECK (only = 1), server TEXT NOT NULL);
INSERT INTO "identity" VALUES(1,'SERVER');
CREATE TABLE instances (
        position INTEGER PRIMARY KEY,
        server TEXT NOT NULL,
        app TEXT NOT NULL,
        type TEXT NOT NULL,
        tag TEXT NOT NULL UNIQUE,
        id TEXT NOT NULL,
        info TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        initialisation TEXT NOT NULL,
        switchback TEXT NOT NULL,
        boot TEXT NOT NULL,
        was_in_service INTEGER NOT NULL,
        UNIQUE (type, id)
    );
INSERT INTO "instances" VALUES(1,'SERVER','gen','filesys','/data','/data','device=/dev/vg1/datafstype=ext4options=rw','ISP','','AUTORES_ISP','INTELLIGENT','00000000-0000-4000-8000-000000000000',1);
INSERT INTO "instances" VALUES(2,'SERVER','scsi','lvmlv','vg1/data','/dev/vg1/data','vg_uuid=eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArKlv_uuid=UC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5','ISP','','AUTORES_ISP','INTELLIGENT','00000000-0000-4000-8000-000000000000',1);
INSERT INTO "instances" VALUES(3,'SERVER','scsi','lvmvg','vg1','lvmvg-vg1','vg_uuid=eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK','ISP','','AUTORES_ISP','INTELLIGENT','00000000-0000-4000-8000-000000000000',1);
INSERT INTO "instances" VALUES(4,'SERVER','scsi','disk','disk-A','/dev/disk/by-id/A','pv_uuid=A','ISP','','AUTORES_ISP','INTELLIGENT','00000000-0000-4000-8000-000000000000',1);
INSERT INTO "instances" VALUES(5,'SERVER','scsi','disk','disk-B','/dev/disk/by-id/B','pv_uuid=B','ISP','','AUTORES_ISP','INTELLIGENT','00000000-0000-4000-8000-000000000000',1);
CREATE INDEX dependencies_child ON dependencies (child);
COMMIT;
