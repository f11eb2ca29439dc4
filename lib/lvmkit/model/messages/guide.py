"""The messages of the LVM Recovery Kit guide, with its numbers and its texts; a reason may follow the text."""

from __future__ import annotations

from lvmkit.model.messages import (
    LCDI_ARGUMENT,
    LCDI_EXISTS,
    LCDI_NO_COMMUNICATION,
    LCDI_NO_OBJECT,
    LCDI_SYNTAX,
    OCF_ERR_ARGS,
    OCF_ERR_CONFIGURED,
    OCF_ERR_INSTALLED,
    Caution,
    Message,
)


class CallingSendevent(Message, number=1):
    """A check found the resource broken and hands it to the engine's recovery."""

    template = "Calling sendevent for resource {tag} on server {server}"
    action = "None: recovery follows. The previous message says what is broken."
    tag: str
    server: str


class UsageError(Message, number=2):
    """A script was called with options or arguments that it does not take."""

    template = "Usage error: {usage}"
    action = "Call it as the message shows."
    lcdi_exit = LCDI_SYNTAX
    ocf_exit = OCF_ERR_ARGS
    usage: str


class TemplateDoesNotExist(Message, number=3):
    """An extension was asked for a resource that the template server does not have."""

    template = "Template resource {tag} on server {server} does not exist"
    action = "Look the tag up with 'lvmkit status' on the template server."
    lcdi_exit = LCDI_NO_OBJECT
    tag: str
    server: str


class TemplateAlreadyExtended(Message, number=4):
    """The target server already has an instance of this resource."""

    template = "Template resource {tag} cannot be extended to server {server} because it already exists there"
    action = "None needed; to extend it anew, unextend it from that server first."
    lcdi_exit = LCDI_EXISTS
    tag: str
    server: str


class CanextendNotAccessible(Message, number=5):
    """The canextend script of the resource type is missing or not executable on the target server."""

    is_outcome = True
    template = "Cannot access canextend script on server {server}"
    action = "Install the same version of the kit on that server."
    lcdi_exit = LCDI_NO_COMMUNICATION
    server: str


class ExtendNotAccessible(Message, number=6):
    """The extend script of the resource type is missing or not executable on the target server."""

    is_outcome = True
    template = "Cannot access extend script {path} on server {server}"
    action = "Install the same version of the kit on that server."
    lcdi_exit = LCDI_NO_COMMUNICATION
    path: str
    server: str


class DepstoextendNotAccessible(Message, number=7):
    """The depstoextend script of the resource type is missing or not executable."""

    template = "Cannot access depstoextend script {path} on server {server}"
    action = "Install the same version of the kit on that server."
    lcdi_exit = LCDI_NO_COMMUNICATION
    path: str
    server: str


class CannotExtend(Message, number=8):
    """The checks on the target server say that the resource could not run there."""

    is_outcome = True
    template = "Cannot extend resource {tag} to server {server}"
    action = "Fix the problems reported before this message, then extend again."
    tag: str
    server: str


class TemplateArgumentsMissing(Message, number=9):
    """canextend, extend or depstoextend was called without the template server or the template tag."""

    template = "Either <templatesys> or <templatetag> argument missing"
    action = "Give both: the server that has the resource, and its tag there."
    lcdi_exit = LCDI_SYNTAX


class ResourceInformationUnreadable(Message, number=10):
    """The engine could not tell what it knows about a resource."""

    template = "Error getting resource information: {why}"
    action = "Fix the engine's database or the connection to it, as the reason says."
    why: str


class TagAndIdMissing(Message, number=11):
    """An action script was called with neither -t TAG nor -i ID."""

    template = "Both Tag and ID name not specified"
    action = "Give -t TAG, -i ID, or both."
    lcdi_exit = LCDI_SYNTAX
    ocf_exit = OCF_ERR_ARGS


class SwitchbackMissing(Message, number=12):
    """A resource was to be created without saying what happens when a failed server returns."""

    template = "Switchback type not specified"
    action = "Give -s INTELLIGENT or -s AUTOMATIC."
    lcdi_exit = LCDI_SYNTAX


class CreateUsageError(Message, number=13):
    """A create script was called with options or arguments that it does not take."""

    template = "Usage error: {usage}"
    action = "Call it as the message shows."
    lcdi_exit = LCDI_SYNTAX
    usage: str


class ResourceExists(Message, number=14):
    """The tag or ID wanted for a new resource is already taken."""

    template = "Resource with either matching tag {tag} or ID exists"
    action = "Choose another tag, or use the resource that is there ('lvmkit status')."
    lcdi_exit = LCDI_EXISTS
    tag: str


class InsCreateFailed(Message, number=15):
    """The engine did not accept the new instance."""

    is_outcome = True
    template = "ins_create failed on server {server}: {why}"
    action = "Fix the reported problem. Nothing was created."
    server: str
    why: str


class ErrorCreatingResource(Message, number=18):
    """A step of the creation failed; what had been done is taken back."""

    is_outcome = True
    template = "Error creating resource {tag} on server {server}"
    action = "Fix the problem that the previous message reports, then create again."
    tag: str
    server: str


class ResourceNotFound(Message, number=19):
    """No resource on this server has this tag or ID, or the two belong to different resources."""

    template = "Resource not found on local server: {sought}"
    action = "Look the tag up with 'lvmkit status'."
    lcdi_exit = LCDI_NO_OBJECT
    ocf_exit = OCF_ERR_CONFIGURED
    sought: str


class RemovingAfterCreateError(Message, number=21):
    """Creation failed, so the instances that it had made are removed again."""

    template = "Removing resource instance {tag} from server {server} due to an error during creation"
    action = "None: this is the back-out."
    tag: str
    server: str


class EndFailedInService(Message, number=22):
    """A resource could not be brought in service."""

    is_outcome = True
    template = "END failed hierarchy {tag} in service on server {server}"
    action = "The previous message says why. Fix that, then bring it in service again."
    tag: str
    server: str


class ErrorBringingInService(Message, number=23):
    """A resource, or one that it requires, did not come up."""

    is_outcome = True
    template = "Error bringing resource {tag} in service on server {server}"
    action = "The previous message says why."
    tag: str
    server: str


class FailedCreation(Message, number=24):
    """The creation made no resource; everything that it had done was taken back."""

    is_outcome = True
    template = "Failed resource creation of resource {tag} on server {server}"
    action = "Fix the problems reported before this message, then create again."
    tag: str
    server: str


class ExtensionInterrupted(Message, number=25):
    """A signal ended an extension; what it had done on the target is taken back."""

    template = (
        'END failed resource extension of {tag} on server {server} due to a "{signal}" signal'
        " - backing out changes made to server"
    )
    action = "Extend again when the target server is ready."
    tag: str
    server: str
    signal: str


class ActionInterrupted(Message, number=26):
    """A signal ended an action script before it was done."""

    template = "END failed {action_name} for {tag} on server {server} due to {signal} signal"
    action = "Run the action again: it finishes what was begun."
    action_name: str
    tag: str
    server: str
    signal: str


class RemovingFilesysDependency(Message, number=27):
    """A creation failed after it had put a file system below its own resource."""

    template = (
        "Removing file system dependency from {parent} to {child} on server {server} due to an error during creation"
    )
    action = "None: this is the back-out."
    parent: str
    child: str
    server: str


class RemovingFilesysHierarchy(Message, number=28):
    """A creation failed after it had made a file system hierarchy of its own."""

    template = (
        "Removing file system hierarchy {filesys} created by {parent} on server {server}"
        " due to an error during creation"
    )
    action = "None: this is the back-out."
    filesys: str
    parent: str
    server: str


class SwitchbackMismatch(Caution, number=29):
    """Parent and child would come back to a repaired server under different rules."""

    template = "Switchback type mismatch between parent {parent} and child {child} on server {server}"
    action = (
        "Switchback mismatches can lead to unexpected behavior. You can manually alter switchback types for resources"
        " using the ins_setas command to eliminate this mismatch."
    )
    parent: str
    child: str
    server: str


class TagMissing(Message, number=30):
    """create or extend was called without the tag of the resource."""

    template = "{script}: tag name not specified"
    action = "Give -t TAG."
    lcdi_exit = LCDI_SYNTAX
    script: str


class TypeNotInstalled(Message, number=110000):
    """The server does not have the action scripts of this resource type."""

    template = "{type} resource type is not installed on {server}."
    action = "Install the LVM Recovery Kit on the identified system."
    lcdi_exit = LCDI_NO_OBJECT
    ocf_exit = OCF_ERR_INSTALLED
    type: str
    server: str


class WrongServer(Message, number=110001):
    """The script works on the local server only and was asked to work on another one."""

    is_outcome = True
    template = "This script must be executed on {server}."
    action = "Run it on that server."
    lcdi_exit = LCDI_ARGUMENT
    server: str


class HierarchyNotCreated(Message, number=110002):
    """The storage below a device could not be put under protection."""

    is_outcome = True
    template = "Failed to create {device} hierarchy."
    action = "The previous message says why."
    device: str


class DependencyNotCreated(Message, number=110003):
    """A parent-child link could not be stored on a server."""

    is_outcome = True
    template = "Failed to create dependency {parent}-{child} on machine {server}."
    action = "The previous message says why."
    parent: str
    child: str
    server: str


class IdInUse(Message, number=110004):
    """Another resource already carries the internal ID that the new one would get."""

    template = "LifeKeeper internal ID {id} already in use."
    action = "Use the resource that is there ('lvmkit status'), or delete it first."
    lcdi_exit = LCDI_EXISTS
    id: str


class InvalidConstructorArgument(Message, number=110005):
    """The named volume, volume group or device does not exist here, or the name cannot be valid."""

    template = "{type} constructor requires a valid argument: {given}"
    action = "Give an existing volume group, logical volume or device, as 'lvs' or 'lsblk' print it."
    lcdi_exit = LCDI_ARGUMENT
    ocf_exit = OCF_ERR_ARGS
    type: str
    given: str


class AdddelpvUsage(Message, number=110006):
    """adddelpv was called with arguments that it does not take."""

    template = "Usage: adddelpv <VG tag> [addlist dellist]"
    action = "Give the tag alone to see the difference, '--yes' or both lists (comma separated) to apply it."
    lcdi_exit = LCDI_SYNTAX


class LkvgsNotUpdated(Caution, number=110007):
    """/etc/lkvgs, the list that keeps the boot from activating protected volume groups, could not be written."""

    template = "WARNING: Failure in updating list of LifeKeeper-controlled volume groups (/etc/lkvgs). {why}"
    action = "Make the file writable (owner root, not read-only, file system not full), then run 'lvmkit reconfigure'."
    why: str


class DeviceNotExtendable(Caution, number=110008):
    """A volume group grew onto a device that another of its servers does not have: only an administrator can help.

    Until then that server cannot bring the volume group in service.
    """

    template = "WARNING: The device hierarchy for {device}, with tag {tag}, cannot be extended automatically. {why}"
    action = (
        "Let that server have the device (a disk: connect it there; a replica: extend its hierarchy), then run"
        " 'adddelpv' for the volume group there, which makes the dependency."
    )
    device: str
    tag: str
    why: str


class DeviceDependencyNotCreated(Message, number=110009):
    """The link from a volume group to one of its devices could not be stored."""

    is_outcome = True
    template = "Failed to create a dependency between volume group resource {vg_tag} and device resource {device_tag}."
    action = "Create the dependency using the LifeKeeper GUI."
    vg_tag: str
    device_tag: str
